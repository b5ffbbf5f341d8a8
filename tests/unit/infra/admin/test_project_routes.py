"""Projects over HTTP."""

import pytest

from tests.unit.infra.admin.asking import Desk

pytestmark = pytest.mark.asyncio


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


async def test_a_project_is_there_as_soon_as_a_key_names_it(desk: Desk) -> None:
    """Without a document it has its id for a name."""
    await desk.ask("POST", "/admin/keys", {"project": "alpha"})
    read = await desk.ask("GET", "/admin/projects/alpha")
    assert read.json == {
        "object": "project",
        "id": "alpha",
        "name": "alpha",
        "description": "",
        "suspended": False,
        "limits": None,
        "weight": None,
        "live_keys": 1,
        "private_models": 0,
        "etag": None,
        "updated_at": None,
    }
    assert "etag" not in read.headers
    unknown = await desk.ask("GET", "/admin/projects/beta")
    assert (unknown.status, unknown.error["code"]) == (404, "not_found")


async def test_a_project_is_named_suspended_and_forgotten(desk: Desk) -> None:
    """PUT replaces the document, PATCH changes it."""
    target = "/admin/projects/alpha"
    named = await desk.ask("PUT", target, {"name": "Team A", "description": "d"})
    assert (named.status, named.json["name"]) == (200, "Team A")
    patch = {"suspended": True, "description": None, "weight": 2.5}
    changed = await desk.ask("PATCH", target, patch, if_match=named.headers["etag"])
    assert changed.json["suspended"] is True
    assert changed.json["weight"] == 2.5
    assert (changed.json["name"], changed.json["description"]) == ("Team A", "")
    late = await desk.ask("PUT", target, {"name": "B"}, if_match=named.headers["etag"])
    assert (late.status, late.error["code"]) == (412, "etag_mismatch")
    gone = await desk.ask("DELETE", target, if_match=changed.headers["etag"])
    assert gone.status == 204
    assert (await desk.ask("DELETE", target)).status == 404


async def test_a_project_with_a_live_key_stays(desk: Desk) -> None:
    """It can be suspended instead."""
    await desk.ask("POST", "/admin/keys", {"project": "alpha"})
    assert (await desk.ask("PATCH", "/admin/projects/alpha", {"suspended": True})).status == 200
    refused = await desk.ask("DELETE", "/admin/projects/alpha")
    assert (refused.status, refused.error["code"]) == (409, "project_in_use")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"nmae": "x"}, "nmae"),
        ({"id": "beta"}, "id"),
        ({"suspended": "yes"}, "suspended"),
        ({"name": " x"}, "name"),
        ({"limits": {"cost": 5}}, "limits.cost"),
        ({"limits": 5}, "limits"),
    ],
)
async def test_a_project_that_makes_no_sense(
    desk: Desk, method: str, body: dict[str, object], param: str
) -> None:
    """The field is named."""
    answer = await desk.ask(method, "/admin/projects/alpha", body)
    assert (answer.status, answer.error["param"]) == (400, param)


async def test_conditions_on_projects(desk: Desk) -> None:
    """If-Match asks for a document; If-None-Match is not known."""
    target = "/admin/projects/alpha"
    for method in ("PUT", "PATCH", "DELETE"):
        answer = await desk.ask(method, target, {}, if_match="*")
        assert (method, answer.status) == (method, 412)
    odd = await desk.ask("PUT", target, {}, if_none_match="*")
    assert (odd.status, odd.error["param"]) == (400, "If-None-Match")


async def test_projects_are_listed_in_pages(desk: Desk) -> None:
    """By id."""
    for name in ("c", "a", "b"):
        await desk.ask("PUT", f"/admin/projects/{name}", {"name": name.upper()})
    first = (await desk.ask("GET", "/admin/projects?limit=2")).json
    assert ([row["name"] for row in first["data"]], first["has_more"]) == (["A", "B"], True)
    rest = (await desk.ask("GET", "/admin/projects?limit=2&after=b")).json
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == (["c"], False)


async def test_limits_of_a_project(desk: Desk) -> None:
    """Kept as written, patched field by field, shown in the list; the document is made for them."""
    target = "/admin/projects/alpha"
    limits = {"cost_per_month": 1000.5, "alert_at_percent": [80]}
    made = await desk.ask("PATCH", target, {"limits": limits})
    assert (made.status, made.json["limits"]) == (200, limits)
    changed = await desk.ask("PATCH", target, {"limits": {"requests_total": 5}})
    assert changed.json["limits"] == {**limits, "requests_total": 5}
    (row,) = (await desk.ask("GET", "/admin/projects")).json["data"]
    assert row["limits"] == changed.json["limits"]
    put = await desk.ask("PUT", target, {"name": "A", "limits": {"requests_total": 6}})
    assert put.json["limits"] == {"requests_total": 6}
    without = await desk.ask("PUT", target, {"name": "A"})
    assert without.json["limits"] is None
