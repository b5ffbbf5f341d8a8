"""Models over HTTP: documents, etags, merge patches, imports."""

import pytest

from tests.fakes.documents import document
from tests.unit.infra.admin.asking import Desk

pytestmark = pytest.mark.asyncio
MERGE = "application/merge-patch+json"


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


async def test_a_model_is_created_read_and_removed(desk: Desk) -> None:
    """201 says where it is; what is read is what was sent."""
    made = await desk.ask("POST", "/admin/models", document(id="a b"))
    assert made.status == 201
    assert made.headers["location"] == "/admin/models/a%20b"
    read = await desk.ask("GET", "/admin/models/a b")
    assert (read.status, read.json) == (200, document(id="a b"))
    assert read.headers["etag"] == made.headers["etag"] == made.json["etag"]
    assert read.headers["etag"].startswith('"')
    gone = await desk.ask("DELETE", "/admin/models/a b", if_match=read.headers["etag"])
    assert (gone.status, gone.body) == (204, b"")
    missing = await desk.ask("GET", "/admin/models/a b")
    assert (missing.status, missing.error["code"]) == (404, "not_found")


async def test_a_second_one_is_refused(desk: Desk) -> None:
    """POST never replaces."""
    await desk.ask("POST", "/admin/models", document())
    again = await desk.ask("POST", "/admin/models", document())
    assert (again.status, again.error["code"]) == (409, "already_exists")


async def test_put_makes_and_replaces(desk: Desk) -> None:
    """201 for a new one, 200 for another."""
    first = await desk.ask("PUT", "/admin/models/gpt-mini", document())
    second = await desk.ask("PUT", "/admin/models/gpt-mini", document(name="2"))
    assert (first.status, second.status) == (201, 200)
    assert second.json["document"]["name"] == "2"
    other = await desk.ask("PUT", "/admin/models/other", document())
    assert (other.status, other.error["param"]) == (400, "id")


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        ('"nope"', 412),
        ("ETAG", 200),
        ('"nope", ETAG', 200),
        ('"nope",\tETAG ,', 200),
        ("W/ETAG", 412),
        ("*", 200),
        ("nope", 400),
        ('"open', 400),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
async def test_if_match(desk: Desk, method: str, condition: str, status: int) -> None:
    """One of the tags must be the present one, strongly compared (RFC 9110, 13.1.1)."""
    etag = (await desk.ask("PUT", "/admin/models/gpt-mini", document())).headers["etag"]
    body = {"PUT": document(name="2"), "PATCH": {"name": "2"}}.get(method)
    condition = condition.replace("ETAG", etag)
    answer = await desk.ask(method, "/admin/models/gpt-mini", body, if_match=condition)
    assert answer.status == (204 if (method, status) == ("DELETE", 200) else status)
    if status == 412:
        assert answer.error["code"] == "etag_mismatch"
    if status == 400:
        assert answer.error["param"] == "If-Match"


@pytest.mark.parametrize("condition", ['"x"', "*"])
async def test_a_condition_on_what_is_not_there(desk: Desk, condition: str) -> None:
    """PUT would make it and does not; the others say that it is unknown."""
    target = "/admin/models/gpt-mini"
    put = await desk.ask("PUT", target, document(), if_match=condition)
    assert (put.status, put.error["code"]) == (412, "etag_mismatch")
    patched = await desk.ask("PATCH", target, {}, if_match=condition)
    removed = await desk.ask("DELETE", target, if_match=condition)
    assert (patched.status, removed.status) == (404, 404)


async def test_if_none_match_makes_only(desk: Desk) -> None:
    """The second one finds something."""
    target = "/admin/models/gpt-mini"
    first = await desk.ask("PUT", target, document(), if_none_match="*")
    second = await desk.ask("PUT", target, document(), if_none_match="*")
    odd = await desk.ask("PUT", target, document(), if_none_match='"x"')
    assert (first.status, second.status, odd.status) == (201, 412, 400)
    assert odd.error["param"] == "If-None-Match"


@pytest.mark.parametrize("kind", [MERGE, "application/json", f"{MERGE}; charset=utf-8"])
async def test_a_merge_patch(desk: Desk, kind: str) -> None:
    """Null removes, objects merge, arrays are replaced."""
    await desk.ask("POST", "/admin/models", document())
    patch = {"code": None, "parameters": {"timeout": 9}, "projects": ["x"]}
    answer = await desk.ask("PATCH", "/admin/models/gpt-mini", patch, content_type=kind)
    expected = document(code=None, projects=["x"], parameters={"model": "gpt-5-mini", "timeout": 9})
    assert answer.json["document"] == expected


async def test_all_that_is_wrong_is_named(desk: Desk) -> None:
    """In one answer."""
    answer = await desk.ask("POST", "/admin/models", document(name=None, operations="x"))
    assert (answer.status, answer.error["param"]) == (400, "name")
    assert "operations" in answer.error["message"]


async def test_an_import_is_all_or_nothing(desk: Desk) -> None:
    """And again does no harm; a dry run only tells."""
    good = [document(), document(id="b")]
    bad = await desk.ask("POST", "/admin/models/import", {"documents": [*good, {"id": "c"}]})
    assert (bad.status, bad.error["param"]) == (400, "documents[2].name")
    dry = await desk.ask("POST", "/admin/models/import", {"documents": good, "dry_run": True})
    assert (await desk.ask("GET", "/admin/models/b")).status == 404
    real = await desk.ask("POST", "/admin/models/import", {"documents": good})
    assert dry.json | {"dry_run": False} == real.json
    assert (real.json["added"], real.json["unchanged"]) == (2, 0)
    changed = [document(), document(id="b", name="B", code=None)]
    again = await desk.ask("POST", "/admin/models/import", {"documents": changed})
    assert [row["change"] for row in again.json["data"]] == ["unchanged", "changed"]
    assert again.json["data"][1]["changed_fields"] == ["code", "name"]


async def test_a_secret_that_somebody_wrote_down_is_not_shown(desk: Desk) -> None:
    """In no answer; what was shown is not taken back."""
    literal = "sk-proj-0123456789abcdefABCDEF"
    made = await desk.ask("POST", "/admin/models", document(note_token=literal))
    read = await desk.ask("GET", "/admin/models/gpt-mini")
    assert literal.encode() not in made.body + read.body
    back = await desk.ask("PUT", "/admin/models/gpt-mini", read.json)
    assert (back.status, back.error["param"]) == (400, "note_token")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_json"),
        (b"{", 400, "invalid_json"),
        (b"[]", 400, "invalid_json"),
        (b'{"a": NaN}', 400, "invalid_json"),
        (b"\xff{}", 400, "invalid_json"),
        (b'{"a":' * 70 + b"1" + b"}" * 70, 400, "invalid_json"),
        (b'{"a":' * 9000 + b"1" + b"}" * 9000, 400, "invalid_json"),
        (b" " * (1024 * 1024 + 1), 413, "request_too_large"),
        (b'{"a":"' + b"x" * 100_000 + b'"}', 400, "invalid_document"),
    ],
)
async def test_bodies_that_make_no_sense(desk: Desk, body: bytes, status: int, code: str) -> None:
    """Each has its word."""
    answer = await desk.ask("POST", "/admin/models", body)
    assert (answer.status, answer.error["code"]) == (status, code)


async def test_other_content_types_are_refused(desk: Desk) -> None:
    """A form is no JSON, and a merge patch is for PATCH."""
    for kind in ("application/x-www-form-urlencoded", MERGE):
        answer = await desk.ask("POST", "/admin/models", document(), content_type=kind)
        assert (answer.status, answer.error["code"]) == (400, "unsupported_content_type")


async def test_a_body_says_how_large_it_is(desk: Desk) -> None:
    """Before any of it is read."""
    for said in ("1048577", "-1", "many"):
        answer = await desk.ask("POST", "/admin/models", document(), content_length=said)
        assert answer.status == 413
