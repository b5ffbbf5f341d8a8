"""Models, keys and projects changed over HTTP, and how soon that is served."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.api.admin.administrator import ADMIN_KEY, TAKES_EFFECT_S, Administrator
from tests.api.asking import within
from tests.api.documents import document

MERGE = "application/merge-patch+json"
LITERAL = "sk-proj-0123456789abcdefABCDEF"


def echo(model_id: str, **changes: object) -> dict[str, Any]:
    """The document of an echo model."""
    return document(model_id, "Local", "Echo") | changes


def audit(admin: Administrator) -> list[dict[str, Any]]:
    """The lines of the audit."""
    folder = Path(admin.gateway.environment["LLMPROXY_DATA_DIR"]) / "audit"
    return [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]


def test_a_model_is_served_soon_after_it_is_registered(admin: Administrator) -> None:
    """Made private to another project it is gone as soon, and so it is when it is removed."""
    _, key = admin.new_key(project="alpha")
    serves = admin.chats(key, "soon")
    made = admin.ask("POST", "/admin/models", echo("soon"))
    assert (made.status, made.headers["location"]) == (201, "/admin/models/soon")
    assert within(TAKES_EFFECT_S, serves)
    patch = {"private": True, "projects": ["beta"]}
    patched = admin.ask("PATCH", "/admin/models/soon", patch, content_type=MERGE)
    assert patched.json["document"]["projects"] == ["beta"]
    assert within(TAKES_EFFECT_S, lambda: not serves())
    admin.done("PATCH", "/admin/models/soon", {"private": False})
    assert within(TAKES_EFFECT_S, serves)
    etag = admin.ask("GET", "/admin/models/soon").headers["etag"]
    assert admin.ask("DELETE", "/admin/models/soon", if_match=etag).status == 204
    assert within(TAKES_EFFECT_S, lambda: not serves())
    assert admin.ask("GET", "/admin/models/soon").error["code"] == "not_found"


def test_of_two_writers_one_wins(admin: Administrator) -> None:
    """Whoever changes what both have read first; the other one is told."""
    admin.done("PUT", "/admin/models/raced", echo("raced"))
    for turn in range(5):
        etag = admin.ask("GET", "/admin/models/raced").headers["etag"]

        def write(who: str, etag: str = etag, turn: int = turn) -> int:
            body = echo("raced", name=f"{who} {turn}")
            return admin.ask("PUT", "/admin/models/raced", body, if_match=etag).status

        with ThreadPoolExecutor(4) as pool:
            statuses = sorted(pool.map(write, "abcd"))
        assert statuses == [200, 412, 412, 412]


def test_patches_at_once_are_all_kept(admin: Administrator) -> None:
    """Without an etag each is applied to what the others left."""
    admin.done("PUT", "/admin/models/merged", echo("merged"))

    def patch(number: int) -> int:
        body = {"notes": {f"n{number}": number}}
        return admin.ask("PATCH", "/admin/models/merged", body).status

    with ThreadPoolExecutor(3) as pool:
        assert set(pool.map(patch, range(3))) == {200}
    assert admin.done("GET", "/admin/models/merged")["notes"] == {"n0": 0, "n1": 1, "n2": 2}


def test_look_ups(admin: Administrator) -> None:
    """Answered from what is served; a document that is not good is refused before."""

    def ids(query: str) -> set[str]:
        return {row["id"] for row in admin.done("GET", f"/admin/models?{query}")["data"]}

    assert {"open", "hidden"} <= ids("project=alpha")
    assert "hidden" not in ids("project=beta")
    assert "open" in ids("provider=local&model_type=echo&operation=ChatCompletion&state=ready")
    assert ids("name=hidden") == {"hidden"}
    assert [row["name"] for row in admin.done("GET", "/admin/providers")["data"]] == ["Local"]
    bad = admin.ask("POST", "/admin/models", echo("bad", provider="Nobody", operations=3))
    assert (bad.status, bad.error["param"]) == (400, "provider")
    assert "operations" in bad.error["message"]


def test_an_import(admin: Administrator) -> None:
    """All or nothing, and again it changes nothing."""
    documents = [echo("bulk-1"), echo("bulk-2")]
    dry = admin.done("POST", "/admin/models/import", {"documents": documents, "dry_run": True})
    assert (dry["added"], admin.ask("GET", "/admin/models/bulk-1").status) == (2, 404)
    bad = admin.ask("POST", "/admin/models/import", {"documents": [*documents, {"id": "x"}]})
    assert (bad.status, bad.error["param"]) == (400, "documents[2].name")
    for expected in ((2, 0), (0, 2)):
        done = admin.done("POST", "/admin/models/import", {"documents": documents})
        assert (done["added"], done["unchanged"]) == expected


def test_keys_open_and_close_soon(admin: Administrator) -> None:
    """Made, narrowed, rotated without grace, revoked."""
    key_id, key = admin.new_key(project="alpha")
    assert within(TAKES_EFFECT_S, admin.chats(key, "hidden"))
    admin.done("PATCH", f"/admin/keys/{key_id}", {"models": ["open"]})
    assert within(TAKES_EFFECT_S, lambda: not admin.chats(key, "hidden")())
    assert admin.chats(key, "open")()
    rotated = admin.done("POST", f"/admin/keys/{key_id}/rotate", {"grace_s": 0})
    assert within(TAKES_EFFECT_S, admin.chats(rotated["key"], "open"))
    assert within(TAKES_EFFECT_S, lambda: admin.status(key) == 401)
    assert admin.done("DELETE", f"/admin/keys/{rotated['id']}")["state"] == "revoked"
    assert within(TAKES_EFFECT_S, lambda: admin.status(rotated["key"]) == 401)


def test_a_suspended_project_opens_nothing(admin: Administrator) -> None:
    """Until it is resumed; its last key gone, it can be removed."""
    key_id, key = admin.new_key(project="gamma")
    assert within(TAKES_EFFECT_S, lambda: admin.status(key) == 200)
    admin.done("PATCH", "/admin/projects/gamma", {"suspended": True})
    assert within(TAKES_EFFECT_S, lambda: admin.status(key) == 403)
    answer = admin.with_key(key).ask("GET", "/v1/models")
    assert answer.error["code"] == "project_suspended"
    admin.done("PATCH", "/admin/projects/gamma", {"suspended": None})
    assert within(TAKES_EFFECT_S, lambda: admin.status(key) == 200)
    assert admin.ask("DELETE", "/admin/projects/gamma").error["code"] == "project_in_use"
    admin.done("DELETE", f"/admin/keys/{key_id}")
    assert admin.ask("DELETE", "/admin/projects/gamma").status == 204


def test_every_change_is_a_line_of_the_audit(admin: Administrator) -> None:
    """Who, what, before and after; by the key of the environment and by one of the store."""
    before = len(audit(admin))
    key_id, key = admin.new_key(admin=True)
    other = admin.with_key(key)
    assert within(TAKES_EFFECT_S, lambda: other.ask("GET", "/admin/projects").status == 200)
    other.done("POST", "/admin/models", echo("audited", note_token=LITERAL))
    other.done("PATCH", "/admin/models/audited", {"name": "renamed"})
    admin.done("DELETE", "/admin/models/audited")
    admin.done("DELETE", f"/admin/keys/{key_id}")
    lines = audit(admin)[before:]
    assert [(line["actor"], line["what"], line["subject"]) for line in lines] == [
        ("environment", "key.created", key_id),
        (f"key:{key_id}", "model.created", "audited"),
        (f"key:{key_id}", "model.patched", "audited"),
        ("environment", "model.removed", "audited"),
        ("environment", "key.revoked", key_id),
    ]
    assert [(line["before"] is None, line["after"] is None) for line in lines] == [
        (True, False), (True, False), (False, False), (False, True), (False, False),
    ]  # fmt: skip
    assert lines[2]["after"]["name"] == "renamed" != lines[2]["before"]["name"]
    assert lines[1]["after"]["note_token"] == "*****"
    assert '"what":"model.patched"' in admin.gateway.log


def test_nothing_secret_is_left_anywhere(admin: Administrator) -> None:
    """No key, no literal of a document: in the data folder, the log, or an answer."""
    _, key = admin.new_key(project="alpha", expires_in="1d")
    made = admin.ask("POST", "/admin/models", echo("leaky", password=LITERAL))
    listed = admin.ask("GET", "/admin/keys?limit=1000")
    shown = admin.ask("GET", "/admin/models?documents=true")
    read = admin.ask("GET", "/admin/models/leaky")
    for answer in (made, listed, shown, read):
        assert key.encode() not in answer.body
        assert LITERAL.encode() not in answer.body
        assert answer.headers["cache-control"] == "no-store"
    folder = Path(admin.gateway.environment["LLMPROXY_DATA_DIR"])
    texts = [path.read_bytes() for path in folder.rglob("*.jsonl")] + [admin.gateway.log.encode()]
    assert texts
    for secret in (key, ADMIN_KEY, LITERAL):
        assert all(secret.encode() not in text for text in texts)
    for path in (folder / "audit").iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_large_bodies_are_refused(admin: Administrator) -> None:
    """At 1 MiB; an import may have 32."""
    large = echo("large", notes="x" * (1024 * 1024))
    refused = admin.ask("POST", "/admin/models", large)
    assert (refused.status, refused.error["code"]) == (413, "request_too_large")
    assert admin.done("POST", "/admin/models/import", {"documents": [large], "dry_run": True})
