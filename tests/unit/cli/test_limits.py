"""Limits on the command line: `keys create --limit`, `keys limit`, `projects limit`."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmproxy.bootstrap.workers import WorkerSeat
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

BUDGET = ("--limit", "cost_per_month=250.5", "--currency", "EUR", "--alert-at", "80")
KEPT = {"cost_per_month": 250.5, "currency": "EUR", "alert_at_percent": [80]}


def only_key(llmproxy: Run) -> dict[str, Any]:
    """The one key, as `keys list --json` has it."""
    (key,) = json.loads(llmproxy("keys", "list", "--json").stdout)
    found: dict[str, Any] = key
    return found


def test_a_key_is_made_with_limits(llmproxy: Run) -> None:
    """Kept, listed, and said."""
    made = llmproxy("keys", "create", "--project", "p", *BUDGET, "--limit", "requests_per_day=5")
    key = only_key(llmproxy)
    assert key["limits"] == {"requests_per_day": 5, **KEPT}
    words = "5 requests_per_day, 250.5 cost_per_month (EUR), alerts at 80 %"
    assert words in made.stderr
    assert llmproxy("keys", "list").stdout.splitlines()[1].endswith(f"\t{words}")
    assert json.loads(llmproxy("keys", "show", key["id"]).stdout)["limits"] == key["limits"]


def test_limits_of_a_key_are_set_one_by_one(llmproxy: Run) -> None:
    """What is not named stays; none takes away, one or all."""
    llmproxy("keys", "create", "--project", "p")
    key_id = only_key(llmproxy)["id"]
    said = [
        llmproxy("keys", "limit", key_id, *options).stdout
        for options in (
            BUDGET,
            ("--limit", "concurrent_requests=3"),
            ("--limit", "cost_per_month=none"),
            ("--none",),
        )
    ]
    assert said == [
        f"{key_id} may use: 250.5 cost_per_month (EUR), alerts at 80 %\n",
        f"{key_id} may use: 250.5 cost_per_month (EUR), 3 concurrent_requests, alerts at 80 %\n",
        f"{key_id} may use: 3 concurrent_requests, alerts at 80 %\n",
        f"{key_id} may use: all it asks for\n",
    ]
    assert only_key(llmproxy)["limits"] is None


def test_limits_of_a_project(llmproxy: Run) -> None:
    """Its document is made for them."""
    said = llmproxy("projects", "limit", "p", *BUDGET).stdout
    assert said == "p may use: 250.5 cost_per_month (EUR), alerts at 80 %\n"
    shown = json.loads(llmproxy("projects", "show", "p").stdout)
    assert shown["document"] == {"id": "p", "limits": KEPT}
    listed = llmproxy("projects", "list").stdout.splitlines()[1]
    assert listed.endswith("\t250.5 cost_per_month (EUR), alerts at 80 %")
    assert llmproxy("projects", "limit", "p", "--none").stdout == "p may use: all it asks for\n"
    assert json.loads(llmproxy("projects", "show", "p").stdout)["document"] == {"id": "p"}


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ((), "nothing to change"),
        (("--none", "--limit", "requests_total=1"), "not both"),
        (("--limit", "requests_total"), "NAME=AMOUNT"),
        (("--limit", "requests_total=-1"), "NAME=AMOUNT"),
        (("--limit", "requests_total=1e3"), "NAME=AMOUNT"),
        (("--limit", "requests_total=1", "--limit", "requests_total=2"), "given twice"),
        (("--limit", "request_total=1"), "limits.request_total"),
        (("--limit", "requests_total=1.5"), "limits.requests_total"),
        (("--limit", "cost_total=1", "--currency", "euro"), "limits.currency"),
        (("--limit", "cost_total=1", "--alert-at", "101"), "limits.alert_at_percent"),
    ],
)
@pytest.mark.parametrize("kind", ["keys", "projects"])
def test_what_is_no_limit(llmproxy: Run, kind: str, options: tuple[str, ...], word: str) -> None:
    """A wrong call, which names the field; nothing is kept."""
    llmproxy("keys", "create", "--project", "p")
    key = only_key(llmproxy)
    named = key["id"] if kind == "keys" else "p"
    wrong = llmproxy(kind, "limit", named, *options)
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert word in wrong.stderr
    assert only_key(llmproxy) == key
    assert json.loads(llmproxy("projects", "show", "p").stdout)["document"] is None


def test_beside_two_workers_no_limit_is_made(llmproxy: Run, tmp_path: Path) -> None:
    """Not over their data folder, not where there are many; with Redis it is, and others go on."""
    seats = [WorkerSeat(tmp_path / "data") for _ in range(2)]
    for seat in seats:
        seat.take()
    (tmp_path / "m.json").write_text(json.dumps(document(limits={"requests_total": 5})))
    archive = llmproxy("registry", "export", env={"LLMPROXY_DATA_DIR": str(tmp_path / "x")}).stdout
    limited = json.loads(archive) | {"projects": [{"id": "q", "limits": {"requests_total": 5}}]}
    making: list[tuple[tuple[str, ...], str | None]] = [
        (("keys", "create", "--project", "p", "--limit", "requests_total=5"), None),
        (("projects", "limit", "p", "--limit", "requests_total=5"), None),
        (("models", "import", str(tmp_path / "m.json")), None),
        (("registry", "import", "-"), json.dumps(limited)),
    ]
    for command, given in making:
        refused = llmproxy(*command, stdin=given)
        assert refused.exit_code == 1, command
        assert "2 workers serve from this data folder" in refused.stderr
        assert "REDIS_URL" in refused.stderr
    assert llmproxy("keys", "create", "--project", "p").exit_code == 0
    assert llmproxy("projects", "limit", "p", "--none").exit_code == 0
    for command, given in making:
        over_redis = llmproxy(*command, stdin=given, env={"REDIS_URL": "redis://127.0.0.1:1"})
        assert over_redis.exit_code == 0, over_redis.output
    for seat in seats:
        seat.leave()
    more = ("projects", "limit", "p", "--limit", "requests_total=6")
    many = llmproxy(*more, env={"REPLICAS": "many"})
    assert (many.exit_code, "REPLICAS=many" in many.stderr) == (1, True)
    assert llmproxy(*more).exit_code == 0
