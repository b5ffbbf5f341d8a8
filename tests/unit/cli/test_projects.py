"""`llmproxy projects list | show | set | remove`."""

import json

import pytest

from tests.fakes.documents import document
from tests.unit.cli.conftest import Run


def test_projects_are_those_that_are_named(llmproxy: Run) -> None:
    """By a document, a key or a private model; with how much belongs to each."""
    private = document(private=True, projects=["of a model"])
    llmproxy("models", "import", "-", stdin=json.dumps(private))
    llmproxy("keys", "create", "--project", "of a key")
    llmproxy("projects", "set", "described", "--name", "Described", "--description", "What it is")

    rows = [line.split("\t") for line in llmproxy("projects", "list").stdout.splitlines()]
    shown = json.loads(llmproxy("projects", "show", "described").stdout)

    assert rows == [
        ["project", "name", "state", "live keys", "private models", "limits"],
        ["described", "Described", "ok", "0", "0", "-"],
        ["of a key", "of a key", "ok", "1", "0", "-"],
        ["of a model", "of a model", "ok", "0", "1", "-"],
    ]
    assert shown["document"] == {
        "id": "described",
        "name": "Described",
        "description": "What it is",
    }
    assert [each["id"] for each in json.loads(llmproxy("projects", "list", "--json").stdout)] == [
        row[0] for row in rows[1:]
    ]


def test_suspending_and_resuming(llmproxy: Run) -> None:
    """What is said at each."""
    llmproxy("keys", "create", "--project", "p")

    suspended = llmproxy("projects", "set", "p", "--suspend")
    listed = llmproxy("projects", "list").stdout
    resumed = llmproxy("projects", "set", "p", "--resume")

    assert suspended.stdout == "p is suspended: its 1 live keys open nothing\n"
    assert "p\tp\tsuspended\t1\t0" in listed
    assert resumed.stdout == "p is kept\n"
    assert "p\tp\tok\t1\t0" in llmproxy("projects", "list").stdout


def test_removing(llmproxy: Run) -> None:
    """Not while a live key belongs to it."""
    llmproxy("projects", "set", "p", "--name", "P")
    llmproxy("keys", "create", "--project", "p")

    refused = llmproxy("projects", "remove", "p")
    (key,) = json.loads(llmproxy("keys", "list", "--json").stdout)
    llmproxy("keys", "revoke", key["id"])
    removed = llmproxy("projects", "remove", "p")

    assert refused.exit_code == 1
    assert "live keys" in refused.stderr
    assert (removed.exit_code, removed.stdout) == (0, "p is removed\n")
    assert llmproxy("projects", "remove", "p").exit_code == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("set", "p"), 2),
        (("set", "p", "--suspend", "--resume"), 2),
        (("set", "a/b", "--name", "x"), 2),
        (("show", "nobody"), 1),
    ],
)
def test_what_is_refused(llmproxy: Run, arguments: tuple[str, ...], code: int) -> None:
    """Wrong calls end with 2, an unknown project with 1; nothing on stdout."""
    result = llmproxy("projects", *arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert result.stderr.startswith("llmproxy: ")
