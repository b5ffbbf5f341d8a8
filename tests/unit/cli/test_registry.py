"""`llmproxy registry init | export | import | copy | status`."""

import json
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

BAD = {"id": "bad", "provider": "Nobody"}


def fill(llmproxy: Run) -> None:
    """Register a model, a project and a key."""
    llmproxy("models", "import", "-", stdin=json.dumps([document(), document(id="other")]))
    llmproxy("projects", "set", "team", "--name", "Team", "--suspend")
    llmproxy("keys", "create", "--project", "team")


def exported(llmproxy: Run, *arguments: str, **env: str) -> dict[str, Any]:
    """What `registry export -` prints."""
    result = llmproxy("registry", "export", *arguments, env=env)
    assert result.exit_code == 0
    archive: dict[str, Any] = json.loads(result.stdout)
    return archive


def test_init_makes_the_file_once(llmproxy: Run, tmp_path: Path) -> None:
    """The second time it is there."""
    path = tmp_path / "data" / "llmproxy.sqlite3"

    assert llmproxy("registry", "init").stdout == f"{path} is made\n"
    assert llmproxy("registry", "init").stdout == f"{path} is there already\n"


def test_an_export_is_taken_in_elsewhere(llmproxy: Run, tmp_path: Path) -> None:
    """Into an empty store: the two are then the same, and doing it again changes nothing."""
    fill(llmproxy)
    file = tmp_path / "backup.json"
    there = {"LLMPROXY_DATA_DIR": str(tmp_path / "there")}

    written = llmproxy("registry", "export", str(file))
    first = llmproxy("registry", "import", str(file), env=there)
    second = llmproxy("registry", "import", str(file), env=there)

    assert "2 models, 1 projects, 1 keys in" in written.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert first.exit_code == second.exit_code == 0
    assert [line.rsplit(" ", 1)[0] for line in first.stdout.splitlines()] == [
        *("added project", "added model", "added model", "added key")
    ]
    assert second.stdout == ""
    assert "1 unchanged project, 2 unchanged model, 1 unchanged key" in second.stderr
    assert exported(llmproxy, **there) == exported(llmproxy) == json.loads(file.read_text())


def test_what_stands_in_an_export(llmproxy: Run) -> None:
    """Documents as they are, digests of keys; without keys where that is asked for."""
    fill(llmproxy)

    archive = exported(llmproxy)
    without = exported(llmproxy, "--without-keys")

    assert (archive["format"], archive["version"]) == ("llmproxy registry", 1)
    assert archive["models"][0] == document()
    assert archive["projects"] == [{"id": "team", "name": "Team", "suspended": True}]
    assert len(archive["keys"][0]["digest"]) == 64
    assert without == {name: archive[name] for name in archive if name != "keys"}


def test_a_dry_run_shows_the_fields(llmproxy: Run) -> None:
    """And keeps nothing."""
    fill(llmproxy)
    archive = exported(llmproxy)
    archive["models"] = [document(name="New")]
    given = json.dumps(archive)

    result = llmproxy("registry", "import", "-", "--dry-run", "--prune", stdin=given)

    assert result.exit_code == 0
    assert result.stdout == (
        'changed model gpt-mini\n  name: "GPT mini" -> "New"\nremoved model other\n'
    )
    assert "nothing was kept; it would be:" in result.stderr
    assert len(exported(llmproxy)["models"]) == 2
    assert exported(llmproxy)["models"][0] == document()


def test_nothing_is_removed_without_prune(llmproxy: Run) -> None:
    """With it what is not in the export goes, keys excepted."""
    fill(llmproxy)
    given = json.dumps(exported(llmproxy) | {"models": [document()], "projects": [], "keys": []})

    kept = llmproxy("registry", "import", "-", stdin=given)
    assert len(exported(llmproxy)["models"]) == 2
    pruned = llmproxy("registry", "import", "-", "--prune", stdin=given)

    assert (kept.exit_code, kept.stdout) == (0, "")
    assert pruned.stdout == "removed project team\nremoved model other\n"
    assert "keys are only revoked" in pruned.stderr
    assert [each["id"] for each in exported(llmproxy)["models"]] == ["gpt-mini"]
    assert len(exported(llmproxy)["keys"]) == 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("{", "stdin:1: "),
        ("[1, 2]", "give one JSON object"),
        ("", "give one JSON object"),
        ('{"id": "x"}', "format: must be"),
        ('{"format": "llmproxy registry", "version": 9}', "version: must be 1"),
        ('{"format": "llmproxy registry", "version": 1, "models": [{}]}', "models[0].id"),
    ],
)
def test_what_is_no_export(llmproxy: Run, given: str, message: str) -> None:
    """It is refused with the place, and ends with 1."""
    result = llmproxy("registry", "import", "-", stdin=given)

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr


def test_documents_that_no_gateway_would_use_are_carried_and_told(llmproxy: Run) -> None:
    """A backup is restored whatever it holds; `status` names them."""
    given = {"format": "llmproxy registry", "version": 1, "models": [BAD, document()]}

    result = llmproxy("registry", "import", "-", stdin=json.dumps(given))
    status = json.loads(llmproxy("registry", "status", "--json").stdout)

    assert result.exit_code == 0
    assert "warning: bad: name: is required: no gateway will use it" in result.stderr
    assert exported(llmproxy)["models"] == [BAD, document()]
    assert status["problems"] == {"bad": "name: is required"}


def test_the_status(llmproxy: Run, tmp_path: Path) -> None:
    """Where, how many; as a table and as JSON."""
    fill(llmproxy)
    llmproxy("keys", "create", "--admin")

    status = json.loads(llmproxy("registry", "status", "--json").stdout)

    assert status == {
        "place": str(tmp_path / "data" / "llmproxy.sqlite3"),
        "models": 2,
        "projects": 1,
        "keys": {"live": 2, "expired": 0, "revoked": 0},
        "admin keys": 1,
        "problems": {},
    }
    assert "keys: live\t2\n" in llmproxy("registry", "status").stdout


def test_copy(llmproxy: Run, tmp_path: Path) -> None:
    """From one SQLite file into another, and from a folder of documents, which knows no keys."""
    fill(llmproxy)
    here, there = f"sqlite:{tmp_path}/data", f"sqlite:{tmp_path}/there"
    target = {"LLMPROXY_DATA_DIR": str(tmp_path / "there")}
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "one.jsonc").write_text(json.dumps(document(id="third")))

    dry = llmproxy("registry", "copy", "--from", here, "--to", there, "--dry-run")
    done = llmproxy("registry", "copy", "--from", here, "--to", there)
    same = exported(llmproxy, **target) == exported(llmproxy)
    added = llmproxy("registry", "copy", "--from", f"folder:{folder}", "--to", there, "--prune")

    assert [each.exit_code for each in (dry, done, added)] == [0, 0, 0]
    assert "added model gpt-mini" in dry.stdout
    assert same
    assert added.stdout == "added model third\nremoved model gpt-mini\nremoved model other\n"
    assert len(exported(llmproxy, **target)["keys"]) == 1
    audit = (tmp_path / "there" / "audit" / "audit.jsonl").read_text()
    assert '"what":"model.removed"' in audit
    assert exported(llmproxy)["keys"][0]["digest"] not in audit


def signing_key(path: Path) -> list[bytes]:
    """What a store signs with."""
    with closing(sqlite3.connect(path / "llmproxy.sqlite3")) as connection:
        return [row[0] for row in connection.execute("SELECT key FROM signing_keys")]


def test_copy_takes_the_signing_key_along(llmproxy: Run, tmp_path: Path) -> None:
    """To a target without one, never in a dry run or without keys; another one stays."""
    fill(llmproxy)
    here = f"sqlite:{tmp_path}/data"

    def copy(target: str, *options: str) -> str:
        to = f"sqlite:{tmp_path}/{target}"
        result = llmproxy("registry", "copy", "--from", here, "--to", to, *options)
        assert result.exit_code == 0
        return result.stderr

    copy("a", "--dry-run")
    copy("a", "--without-keys")
    assert signing_key(tmp_path / "data") == signing_key(tmp_path / "a") == []
    assert "signs" not in copy("a")
    (key,) = signing_key(tmp_path / "data")
    assert signing_key(tmp_path / "a") == [key]
    with closing(sqlite3.connect(tmp_path / "a" / "llmproxy.sqlite3")) as connection:
        connection.execute("UPDATE signing_keys SET key = ?", (b"x" * len(key),))
        connection.commit()
    assert "the target signs with a key of its own" in copy("a")
    assert signing_key(tmp_path / "a") == [b"x" * len(key)]


@pytest.mark.parametrize(
    ("source", "target", "code", "message"),
    [
        ("sqlite:{}/none", "sqlite:{}/x", 2, "holds no llmproxy.sqlite3"),
        ("sqlite:", "sqlite:{}/x", 2, "needs a folder"),
        ("{}/none", "sqlite:{}/x", 2, "is no store"),
        ("cosmos", "sqlite:{}/x", 2, "COSMOS_URL"),
        ("folder:{}/none", "sqlite:{}/x", 1, "cannot be read"),
        ("folder:{}/bad", "sqlite:{}/x", 1, "nothing was copied"),
    ],
)
def test_stores_that_are_none(
    llmproxy: Run, tmp_path: Path, source: str, target: str, code: int, message: str
) -> None:
    """Nothing is made of a source, and a bad file stops all."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "a.json").write_text("{")

    places = [each.format(tmp_path) for each in (source, target)]
    result = llmproxy("registry", "copy", "--from", places[0], "--to", places[1])

    assert result.exit_code == code
    assert message in result.stderr
    assert not (tmp_path / "none").exists()
