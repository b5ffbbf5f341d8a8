"""Keys over HTTP."""

import pytest

from llmproxy.domain.caller import key_digest
from tests.unit.infra.admin.asking import Desk

pytestmark = pytest.mark.asyncio
NOW = 1_800_000_000.0


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


async def test_a_key_is_shown_once(desk: Desk) -> None:
    """In the answer that makes it, which nobody may keep; its digest in none."""
    made = await desk.ask("POST", "/admin/keys", {"project": "alpha", "models": ["a"]})
    assert (made.status, made.headers["cache-control"]) == (201, "no-store")
    key = made.json["key"]
    row = {name: value for name, value in made.json.items() if name != "key"}
    read = await desk.ask("GET", made.headers["location"])
    listed = await desk.ask("GET", "/admin/keys")
    assert read.json == row == listed.json["data"][0]
    assert read.headers["etag"] == row["etag"]
    digest = key_digest(key.encode()).hex().encode()
    for answer in (made, read, listed):
        assert digest not in answer.body
        assert answer is made or key.encode() not in answer.body


@pytest.mark.parametrize(
    ("body", "expires_at"),
    [
        ({}, None),
        ({"expires_in": "2h"}, NOW + 7200),
        ({"expires_at": NOW + 5}, NOW + 5),
        ({"expires_at": 1_900_000_000}, 1_900_000_000),
        ({"expires_at": "2027-01-31T00:00:00Z"}, 1_801_353_600),
    ],
)
async def test_when_a_key_ends(
    desk: Desk, body: dict[str, object], expires_at: float | None
) -> None:
    """As seconds, as a time, or as a span."""
    made = await desk.ask("POST", "/admin/keys", {"project": "alpha", **body})
    assert made.json["expires_at"] == expires_at


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "project"),
        ({"project": "a/b"}, "project"),
        ({"project": "a", "modles": ["x"]}, "modles"),
        ({"project": "a", "models": []}, "models"),
        ({"project": "a", "models": [""]}, "models[0]"),
        ({"project": "a", "models": ["x", 1]}, "models[1]"),
        ({"project": "a", "admin": "yes"}, "admin"),
        ({"project": "a", "expires_in": "soon"}, "expires_in"),
        ({"project": "a", "expires_in": "1d", "expires_at": NOW + 5}, "expires_in"),
        ({"project": "a", "expires_at": "2027-01-31"}, "expires_at"),
        ({"project": "a", "expires_at": 5}, "expires_at"),
    ],
)
async def test_a_key_that_makes_no_sense(desk: Desk, body: dict[str, object], param: str) -> None:
    """The field is named."""
    answer = await desk.ask("POST", "/admin/keys", body)
    assert (answer.status, answer.error["param"]) == (400, param)


async def test_keys_are_listed_in_pages(desk: Desk) -> None:
    """Oldest first, by project and state."""
    ids = []
    for project in ("a", "b", "a"):
        desk.office.clock.advance(1)
        made = await desk.ask("POST", "/admin/keys", {"project": project, "expires_in": "1h"})
        ids.append(made.json["id"])
    await desk.ask("DELETE", f"/admin/keys/{ids[0]}")
    first = (await desk.ask("GET", "/admin/keys?limit=2")).json
    assert ([row["id"] for row in first["data"]], first["has_more"]) == (ids[:2], True)
    rest = (await desk.ask("GET", f"/admin/keys?after={first['last_id']}")).json
    assert ([row["id"] for row in rest["data"]], rest["has_more"]) == (ids[2:], False)
    for query, expected in (("project=a", [ids[0], ids[2]]), ("state=revoked", ids[:1])):
        found = (await desk.ask("GET", f"/admin/keys?{query}")).json["data"]
        assert [row["id"] for row in found] == expected
    desk.office.clock.advance(3600)
    expired = (await desk.ask("GET", "/admin/keys?state=expired")).json["data"]
    assert [row["id"] for row in expired] == ids[1:]
    unknown = await desk.ask("GET", "/admin/keys?after=key_0")
    assert (unknown.status, unknown.error["param"]) == (400, "after")


async def test_a_key_is_changed(desk: Desk) -> None:
    """A merge patch against an etag; null lifts a limit, and nothing else is touched."""
    made = (await desk.ask("POST", "/admin/keys", {"project": "a", "models": ["x"]})).json
    target = f"/admin/keys/{made['id']}"
    changed = await desk.ask("PATCH", target, {"expires_in": "1d"}, if_match=made["etag"])
    assert (changed.json["models"], changed.json["expires_at"]) == (["x"], NOW + 86_400)
    late = await desk.ask("PATCH", target, {"models": ["y"]}, if_match=made["etag"])
    assert (late.status, late.error["code"]) == (412, "etag_mismatch")
    lifted = await desk.ask("PATCH", target, {"models": None, "expires_at": None})
    assert (lifted.json["models"], lifted.json["expires_at"]) == (None, None)
    strange = await desk.ask("PATCH", target, {"admin": True})
    assert (strange.status, strange.error["param"]) == (400, "admin")


async def test_a_key_is_rotated(desk: Desk) -> None:
    """A day of grace unless said otherwise."""
    made = (await desk.ask("POST", "/admin/keys", {"project": "a"})).json
    new = await desk.ask("POST", f"/admin/keys/{made['id']}/rotate")
    assert (new.status, new.json["replaces"]) == (201, made["id"])
    assert new.json["key"].startswith("sk-llmproxy-")
    old = (await desk.ask("GET", f"/admin/keys/{made['id']}")).json
    assert old["expires_at"] == NOW + 86_400
    now = await desk.ask("POST", f"/admin/keys/{new.json['id']}/rotate", {"grace_s": 0})
    assert now.status == 201
    assert (await desk.ask("GET", f"/admin/keys/{new.json['id']}")).json["state"] == "expired"
    long = await desk.ask("POST", f"/admin/keys/{now.json['id']}/rotate", {"grace_s": 1e9})
    assert (long.status, long.error["param"]) == (400, "grace_s")


async def test_a_key_is_revoked(desk: Desk) -> None:
    """It stays listed, and a second time changes nothing."""
    made = (await desk.ask("POST", "/admin/keys", {"project": "a"})).json
    gone = await desk.ask("DELETE", f"/admin/keys/{made['id']}")
    assert (gone.status, gone.json["state"], gone.json["revoked_at"]) == (200, "revoked", NOW)
    desk.office.clock.advance(9)
    assert (await desk.ask("DELETE", f"/admin/keys/{made['id']}")).json == gone.json
    unknown = await desk.ask("DELETE", "/admin/keys/key_0")
    assert (unknown.status, unknown.error["code"]) == (404, "not_found")


async def test_limits_of_a_key(desk: Desk) -> None:
    """In the answer that makes it, in lists, and changed by a merge patch against its etag."""
    limits = {"requests_per_minute": 60, "cost_per_month": 250}
    made = await desk.ask("POST", "/admin/keys", {"project": "alpha", "limits": limits})
    assert made.json["limits"] == {**limits, "currency": "USD"}
    target, etag = made.headers["location"], made.headers["etag"]
    patch = {"limits": {"cost_per_month": None, "currency": None, "tokens_per_day": 5}}
    changed = await desk.ask("PATCH", target, patch, if_match=etag)
    assert changed.json["limits"] == {"requests_per_minute": 60, "tokens_per_day": 5}
    assert changed.headers["etag"] != etag
    late = await desk.ask("PATCH", target, {"limits": None}, if_match=etag)
    assert (late.status, late.error["code"]) == (412, "etag_mismatch")
    (row,) = (await desk.ask("GET", "/admin/keys")).json["data"]
    assert row["limits"] == changed.json["limits"]
    without = await desk.ask("PATCH", target, {"limits": None})
    assert without.json["limits"] is None


@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({"cost_per_mont": 5}, "limits.cost_per_mont"),
        ({"requests_total": "5"}, "limits.requests_total"),
        ({"cost_total": 5, "currency": "eur"}, "limits.currency"),
        ({}, None),
        ([5], "limits"),
        ("none", "limits"),
    ],
)
async def test_limits_that_make_no_sense(desk: Desk, limits: object, param: str | None) -> None:
    """The field is named, in a new key and in a change; an empty object limits nothing."""
    made = await desk.ask("POST", "/admin/keys", {"project": "alpha", "limits": limits})
    assert (made.status == 201) is (param is None)
    bare = await desk.ask("POST", "/admin/keys", {"project": "alpha"})
    changed = await desk.ask("PATCH", bare.headers["location"], {"limits": limits})
    if param is not None:
        assert made.error["param"] == changed.error["param"] == param
        assert made.status == changed.status == 400


async def test_limits_that_could_not_be_counted(desk: Desk) -> None:
    """409, with what to do."""
    desk.office.counting.reason = "two workers serve: set REDIS_URL"
    limits = {"requests_total": 5}
    refused = await desk.ask("POST", "/admin/keys", {"project": "alpha", "limits": limits})
    assert (refused.status, refused.error["code"]) == (409, "limits_need_redis")
    assert "set REDIS_URL" in refused.error["message"]
    assert refused.error["param"] == "limits"
    assert (await desk.ask("POST", "/admin/keys", {"project": "alpha"})).status == 201
