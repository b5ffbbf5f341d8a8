"""`llmproxy usage`, over a ledger in the store."""

import asyncio
import csv
import json
import re
import shlex
from io import StringIO
from pathlib import Path

import pytest
import typer

from llmproxy.application.interfaces.journal import Closed, Outcome
from llmproxy.application.interfaces.usage_ledger import Batch
from llmproxy.bootstrap.store import FILE_NAME
from llmproxy.cli.commands import app
from llmproxy.infra.database.sqlite.usage_ledger import SqliteUsageLedger
from llmproxy.infra.telemetry.clock import SystemClock
from tests.fakes.rows import call
from tests.unit.cli.conftest import Run

PAGE = (Path(__file__).parents[3] / "docs/usage.md").read_text("utf-8")
COMMANDS = re.findall(r"^llmproxy .*$", PAGE, re.MULTILINE)
EVER = ("--since", "2026-01-01")


@pytest.fixture(name="kept")
def _kept(tmp_path: Path) -> list[Closed]:
    """Calls in the ledger of the store: two projects, two currencies, tags, a failure."""
    rows = [
        call(1, tags=("search", "=1+1")),
        call(2, tags=("search",), model="max", cost_nano=1),
        call(3, project="beta", currency="EUR", cost_nano=25 * 10**7),
        call(4, project=None, outcome=Outcome.FAILED, status=None, cost_nano=0),
    ]

    _keep(tmp_path, rows)
    return rows


def _keep(folder: Path, rows: list[Closed]) -> None:
    async def keep() -> None:
        (folder / "data").mkdir()
        ledger = await SqliteUsageLedger.open(
            folder / "data" / FILE_NAME, SystemClock(), keep_rows_days=0
        )
        try:
            await ledger.take(Batch("worker-1.jsonl", 0, 100, rows, ended=True))
        finally:
            await ledger.close()

    asyncio.run(keep())


@pytest.mark.usefixtures("kept")
def test_a_table_with_totals(llmproxy: Run) -> None:
    """By project and model unless said otherwise; a total for each currency."""
    shown = [line.split("\t") for line in llmproxy("usage", *EVER).stdout.splitlines()]
    assert shown[0] == [
        *("project", "model", "requests", "failed", "cached", "estimated"),
        *("input", "output", "cost"),
    ]
    assert sorted(shown[1:-2]) == [
        ["-", "mini", "1", "1", "0", "0", "15", "5", "0.000000000 USD"],
        ["alpha", "max", "1", "0", "0", "0", "15", "5", "0.000000001 USD"],
        ["alpha", "mini", "1", "0", "0", "0", "15", "5", "1.500000000 USD"],
        ["beta", "mini", "1", "0", "0", "0", "15", "5", "0.250000000 EUR"],
    ]
    assert shown[-2:] == [
        ["total", "", "1", "0", "0", "0", "15", "5", "0.250000000 EUR"],
        ["total", "", "3", "1", "0", "0", "45", "15", "1.500000001 USD"],
    ]


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize(
    ("options", "requests"),
    [
        (("--project", "alpha"), 2),
        (("--project", "alpha", "--project", "beta"), 3),
        (("--model", "max"), 1),
        (("--key", "key_plain"), 4),
        (("--tag", "search"), 2),
        (("--until", "2027-01-15T07:59:03Z"), 2),
        (("--until", "2027-01-01"), 0),
    ],
)
def test_filters(llmproxy: Run, options: tuple[str, ...], requests: int) -> None:
    """Each way says the same."""
    summed = llmproxy("usage", *EVER, "--by", "outcome", *options, "--format", "jsonl")
    lines = [json.loads(line) for line in summed.stdout.splitlines()]
    assert sum(each["requests"] for each in lines) == requests
    listed = llmproxy("usage", *EVER, "--calls", *options, "--format", "jsonl")
    assert len(listed.stdout.splitlines()) == requests


@pytest.mark.usefixtures("kept")
def test_tags(llmproxy: Run) -> None:
    """A call stands under each of its tags, and that is said; cells are no formulas."""
    table = llmproxy("usage", *EVER, "--by", "tag")
    assert "under each of its tags" in table.stderr
    rows = [line.split("\t") for line in table.stdout.splitlines()]
    assert {(row[0], row[1]) for row in rows[1:]} == {
        ("=1+1", "1"),
        ("search", "2"),
        ("-", "1"),
        ("total", "1"),
        ("total", "3"),
    }
    text = llmproxy("usage", *EVER, "--by", "tag", "--format", "csv").stdout
    cells = {row["tag"] for row in csv.DictReader(StringIO(text))}
    assert cells == {"'=1+1", "search", ""}


def test_single_calls(llmproxy: Run, kept: list[Closed]) -> None:
    """A table of the first, and all in CSV and JSON lines."""
    ids = [row.request_id for row in kept]
    table = llmproxy("usage", *EVER, "--calls", "--limit", "3")
    rows = [line.split("\t") for line in table.stdout.splitlines()]
    assert [row[1] for row in rows] == ["request", *ids[:3]]
    assert rows[1][0] == "2027-01-15T07:59:01Z"
    assert "--format csv shows all" in table.stderr
    assert "shows all" not in llmproxy("usage", *EVER, "--calls").stderr
    lines = llmproxy("usage", *EVER, "--calls", "--format", "jsonl", "--limit", "2").stdout
    assert [json.loads(line)["request_id"] for line in lines.splitlines()] == ids[:2]
    text = llmproxy("usage", *EVER, "--calls", "--format", "csv").stdout
    assert [row["request_id"] for row in csv.DictReader(StringIO(text))] == ids


def test_the_newest_calls(llmproxy: Run, kept: list[Closed]) -> None:
    """Come first, where that is asked for; else it is said that these are the oldest."""
    ids = [row.request_id for row in kept][::-1]
    table = llmproxy("usage", *EVER, "--calls", "--newest", "--limit", "3")
    assert [line.split("\t")[1] for line in table.stdout.splitlines()[1:]] == ids[:3]
    assert "these are the newest 3" in table.stderr
    oldest = llmproxy("usage", *EVER, "--calls", "--limit", "3").stderr
    assert "these are the oldest 3" in oldest
    assert "--newest" in oldest
    lines = llmproxy("usage", *EVER, "--calls", "--newest", "--format", "jsonl").stdout
    assert [json.loads(line)["request_id"] for line in lines.splitlines()] == ids


def test_looking_deletes_nothing(llmproxy: Run, tmp_path: Path) -> None:
    """How long calls are kept is the server's to say: USAGE_ROWS_DAYS of this shell may differ."""
    old = call(1, at=1_700_000_000.25)
    _keep(tmp_path, [old])
    for _ in range(3):
        listed = llmproxy("usage", "--since", "2023-01-01", "--calls", "--format", "jsonl")
        assert [json.loads(line)["request_id"] for line in listed.stdout.splitlines()] == [
            old.request_id
        ]


def test_where_there_is_nothing(llmproxy: Run) -> None:
    """It is said, from when on was looked."""
    nothing = llmproxy("usage", "--since", "2026-11-01")
    assert nothing.stderr == "llmproxy: no calls since 2026-11-01T00:00:00Z\n"
    assert nothing.stdout.count("\n") == 1
    assert llmproxy("usage", "--calls", "--format", "jsonl").stdout == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--by", "colour"), "--by: 'colour' is not one of project, key"),
        (("--by", "day", "--by", "day"), "twice"),
        (("--since", "yesterday"), "--since: give a day"),
        (("--until", "never"), "--until: give a day"),
        (("--since", "2026-11-02", "--until", "2026-11-01"), "--until must be behind 2026-11-02"),
        (("--format", "xml"), "--format is table, csv or jsonl"),
        (("--calls", "--by", "day"), "not both"),
        (("--limit", "5"), "--limit and --newest are for --calls"),
        (("--newest",), "--limit and --newest are for --calls"),
    ],
)
def test_wrong_calls(llmproxy: Run, options: tuple[str, ...], words: str) -> None:
    """End with 2 and a sentence."""
    result = llmproxy("usage", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.usefixtures("kept")
@pytest.mark.parametrize("line", COMMANDS)
def test_the_examples_of_the_page(llmproxy: Run, line: str) -> None:
    """Each works as it stands."""
    result = llmproxy(*shlex.split(line)[1:])
    assert result.exit_code == 0, result.output


def test_every_option_has_an_example() -> None:
    """Those that all commands have aside."""
    command = typer.main.get_command(app).commands["usage"]  # type: ignore[attr-defined]
    options = {each for param in command.params for each in param.opts}
    shown = {word for line in COMMANDS for word in line.split()}
    assert options - {"--data-dir", "--url", "--help"} <= shown
