"""`llmproxy keys create | list | revoke`."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from llmproxy.domain.caller import key_digest
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run


def listed(llmproxy: Run) -> list[dict[str, Any]]:
    """Give the keys as `keys list --json` has them."""
    keys: list[dict[str, Any]] = json.loads(llmproxy("keys", "list", "--json").stdout)
    return keys


def test_a_key_is_printed_once_and_alone(llmproxy: Run, tmp_path: Path) -> None:
    """stdout holds the key and nothing else; the store holds its digest and not the key."""
    result = llmproxy("keys", "create", "--project", "team a")

    assert result.exit_code == 0
    assert re.fullmatch(r"sk-llmproxy-[A-Za-z0-9_-]{43}\n", result.stdout)
    key = result.stdout.strip()
    assert key not in result.stderr
    assert "project team a; all models it can see; never expires" in result.stderr
    assert "not shown again" in result.stderr
    stored = b"".join(each.read_bytes() for each in (tmp_path / "data").rglob("*.*"))
    assert key.encode() not in stored
    assert key_digest(key.encode()).hex().encode() in stored
    assert key not in llmproxy("keys", "list").output
    assert key[:16] in llmproxy("keys", "list").stdout


def test_models_expiry_and_admin(llmproxy: Run) -> None:
    """All three arrive; a model that nobody registered is pointed out."""
    llmproxy("models", "import", "-", stdin=json.dumps(document()))

    result = llmproxy(
        *("keys", "create", "--project", "p", "--models", "mini, later ,gpt-mini"),
        *("--expires", "2099-01-31", "--admin"),
    )
    (key,) = listed(llmproxy)

    assert "no model has the code or id later yet" in result.stderr
    assert "id mini" not in result.stderr
    assert key["models"] == ["gpt-mini", "later", "mini"]
    assert key["admin"] is True
    assert key["state"] == "live"
    assert key["expires_at"] == 4_073_587_200.0
    assert "until 2099-02-01 00:00 UTC; admin" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--project NAME"),
        (["--project", ""], "must not be empty"),
        (["--project", " p"], "blanks"),
        (["--project", "a\tb"], "control"),
        (["--project", "p", "--expires", "soon"], "30d"),
        (["--project", "p", "--expires", "2020-01-01"], "expired already"),
        (["--project", "p", "--models", " , "], "no model at all"),
    ],
)
def test_useless_keys_are_refused(llmproxy: Run, arguments: list[str], message: str) -> None:
    """A wrong call: 2, a sentence, nothing on stdout, nothing stored."""
    result = llmproxy("keys", "create", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert listed(llmproxy) == []


def test_an_admin_key_needs_no_project(llmproxy: Run) -> None:
    """It sees public models only, and the administration."""
    assert llmproxy("keys", "create", "--admin").exit_code == 0
    assert listed(llmproxy)[0]["project"] is None


def test_the_list_is_a_table(llmproxy: Run) -> None:
    """With the state of each key; without keys, what to do."""
    empty = llmproxy("keys", "list")
    llmproxy("keys", "create", "--project", "p", "--expires", "30d")
    header, row = (line.split("\t") for line in llmproxy("keys", "list").stdout.splitlines())

    assert "llmproxy keys create --project NAME" in empty.stderr
    names = ("id", "key", "state", "project", "models", "admin", "created", "expires", "limits")
    assert tuple(header) == names
    assert row[1].endswith("…")
    assert row[2:6] == ["live", "p", "all", "no"]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", cell) for cell in row[6:8])
    assert row[8] == "-"


def test_a_revoked_key_stays_revoked(llmproxy: Run) -> None:
    """The second time is told apart; an unknown id ends with 1."""
    llmproxy("keys", "create", "--project", "p")
    key_id = listed(llmproxy)[0]["id"]

    first, second = llmproxy("keys", "revoke", key_id), llmproxy("keys", "revoke", key_id)
    unknown = llmproxy("keys", "revoke", "key_unknown")

    assert (first.exit_code, first.stdout) == (0, f"{key_id} is revoked\n")
    assert (second.exit_code, second.stdout) == (0, f"{key_id} was revoked already\n")
    assert unknown.exit_code == 1
    assert "no key with this id" in unknown.stderr
    assert [key["state"] for key in listed(llmproxy)] == ["revoked"]


def test_a_key_is_shown_and_changed(llmproxy: Run) -> None:
    """Rights and end, to another and to none."""
    llmproxy("keys", "create", "--project", "p", "--models", "a", "--expires", "30d")
    key_id = listed(llmproxy)[0]["id"]

    narrowed = llmproxy("keys", "change", key_id, "--models", "b,c", "--expires", "2099-01-31")
    shown = json.loads(llmproxy("keys", "show", key_id).stdout)
    widened = llmproxy("keys", "change", key_id, "--all-models", "--never-expires")

    assert narrowed.exit_code == widened.exit_code == 0
    assert narrowed.stdout == f"{key_id} is for project p; b, c; until 2099-02-01 00:00 UTC\n"
    assert "no model has the code or id b yet" in narrowed.stderr
    assert (shown["models"], shown["expires_at"]) == (["b", "c"], 4_073_587_200.0)
    assert shown == {**shown, "state": "live", "project": "p"}
    assert widened.stdout == f"{key_id} is for project p; all models it can see; never expires\n"


def test_a_key_is_rotated(llmproxy: Run) -> None:
    """A new key alone on stdout; the old one ends with the grace."""
    llmproxy("keys", "create", "--project", "p", "--models", "a")
    key_id = listed(llmproxy)[0]["id"]

    result = llmproxy("keys", "rotate", key_id, "--grace", "2h")
    old, new = listed(llmproxy)

    assert re.fullmatch(r"sk-llmproxy-[A-Za-z0-9_-]{43}\n", result.stdout)
    assert f"{key_id} stays valid until" in result.stderr
    assert (new["replaces"], new["project"], new["models"]) == (key_id, "p", ["a"])
    assert 7100 < old["expires_at"] - new["created_at"] < 7300
    at_once = llmproxy("keys", "rotate", new["id"], "--grace", "0s")
    assert at_once.exit_code == 0
    assert [key["state"] for key in listed(llmproxy)] == ["live", "expired", "live"]


def test_keys_of_a_project_and_a_state(llmproxy: Run) -> None:
    """Both options must fit."""
    for project in ("p", "p", "q"):
        llmproxy("keys", "create", "--project", project)
    first, second, third = (key["id"] for key in listed(llmproxy))
    llmproxy("keys", "revoke", first)

    def found(*options: str) -> list[str]:
        keys = json.loads(llmproxy("keys", "list", "--json", *options).stdout)
        return [key["id"] for key in keys]

    assert found("--project", "p") == [first, second]
    assert found("--state", "live") == [second, third]
    assert found("--project", "p", "--state", "revoked") == [first]
    assert llmproxy("keys", "list", "--state", "new").exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("change", "{id}"), 2, "nothing to change"),
        (("change", "{id}", "--models", "a", "--all-models"), 2, "not both"),
        (("change", "{id}", "--expires", "soon"), 2, "30d"),
        (("change", "{id}", "--expires", "2020-01-01"), 2, "expired already"),
        (("change", "key_no", "--all-models"), 1, "no key with this id"),
        (("rotate", "key_no"), 1, "no key with this id"),
        (("rotate", "{id}", "--grace", "long"), 2, "24h"),
        (("rotate", "{id}", "--grace", "5w"), 2, "grace_s"),
        (("show", "key_no"), 1, "no key with this id"),
    ],
)
def test_changes_that_are_refused(
    llmproxy: Run, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """In a sentence; the key stays as it is, and no new one is live."""
    llmproxy("keys", "create", "--project", "p")
    before = listed(llmproxy)

    given = (each.format(id=before[0]["id"]) for each in arguments)
    result = llmproxy("keys", *given)

    assert (result.exit_code, result.stdout) == (code, "")
    assert message in result.stderr
    assert [key for key in listed(llmproxy) if key["state"] == "live"] == before
