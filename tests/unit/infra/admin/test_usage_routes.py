"""`/admin/usage` and `/admin/usage/calls`."""

import csv
import json
from io import StringIO

import pytest

from llmproxy.application.interfaces.journal import Attempt, Outcome
from llmproxy.domain.errors import ReadOnly, Unavailable
from llmproxy.domain.usage import Usage
from llmproxy.infra.schemas.usage import UsageCalls, UsageReport
from llmproxy.infra.wire.csv_text import text_of
from tests.fakes.rows import NOW, RowsLedger, call
from tests.unit.infra.admin.asking import PLAIN_KEY
from tests.unit.infra.admin.usage_desk import UsageDesk

pytestmark = pytest.mark.asyncio
USAGE, CALLS = "/admin/usage", "/admin/usage/calls"
DAY_S = 86_400


def desk_of(*rows: object) -> UsageDesk:
    """A desk over these calls."""
    return UsageDesk(ledger=RowsLedger(*rows))  # type: ignore[arg-type]


async def test_sums_by_group() -> None:
    """The fields of the group, the currency, the counts, the exact cost; totals by currency."""
    desk = desk_of(
        call(1),
        call(2, outcome=Outcome.FAILED, cost_nano=1),
        call(3, project="beta", currency="EUR", outcome=Outcome.CACHED, cost_nano=0),
        call(4, project=None, usage=Usage(input_tokens=1, estimated=True), cost_nano=10),
    )
    answer = (await desk.ask("GET", f"{USAGE}?group_by=project&group_by=model,outcome")).json
    UsageReport.model_validate(answer)
    assert (answer["since"], answer["until"]) == ("2027-01-01T00:00:00Z", None)
    assert answer["group_by"] == ["project", "model", "outcome"]
    [first] = [
        each
        for each in answer["data"]
        if (each["project"], each["outcome"]) == ("alpha", "finished")
    ]
    assert first == {
        "project": "alpha",
        "model": "mini",
        "outcome": "finished",
        "currency": "USD",
        "requests": 1,
        "failed": 0,
        "cached": 0,
        "estimated": 0,
        "input_tokens": 15,
        "cached_input_tokens": 5,
        "output_tokens": 5,
        "reasoning_tokens": 2,
        "images": 0,
        "characters": 0,
        "audio_ms": 0,
        "cost": "1.500000000",
    }
    assert [each["project"] for each in answer["data"]].count(None) == 1
    totals = {each["currency"]: each for each in answer["totals"]}
    assert (totals["USD"]["requests"], totals["USD"]["cost"]) == (3, "1.500000011")
    assert (totals["USD"]["failed"], totals["USD"]["estimated"]) == (1, 1)
    assert (totals["EUR"]["cached"], totals["EUR"]["cost"]) == (1, "0.000000000")


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("", [2, 3, 4]),
        ("since=0", [1, 2, 3, 4]),
        ("since=2026-12-01", [1, 2, 3, 4]),
        ("since=2026-12-01&until=2027-01-01", [1]),
        ("since=2027-01-15T07:59:03Z", [3, 4]),
        ("since=1799999943&until=1799999944", [3]),
        ("since=1799999943.5", [4]),
        ("project=beta", [3]),
        ("project=beta&project=alpha", [2, 3, 4]),
        ("key=key_x", [4]),
        ("model=max", [2]),
        ("tag=a%3D1", [2, 3]),
        ("tag=a%3D1&tag=b", [2, 3, 4]),
        ("tag=b&project=beta", []),
    ],
)
async def test_filters(query: str, ids: list[int]) -> None:
    """Values of one filter are alternatives; all filters that are given must fit."""
    desk = desk_of(
        call(1, at=NOW - 20 * DAY_S),
        call(2, model="max", tags=("a=1", "z")),
        call(3, project="beta", tags=("a=1",)),
        call(4, key_id="key_x", tags=("b",)),
    )
    listed = (await desk.ask("GET", f"{CALLS}?{query}")).json
    assert [each["request_id"] for each in listed["data"]] == [f"req_{n:04d}" for n in ids]
    summed = (await desk.ask("GET", f"{USAGE}?{query}")).json
    assert sum(each["requests"] for each in summed["totals"]) == len(ids)
    assert summed["data"] == summed["totals"]


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("projekt=alpha", "projekt"),
        ("group_by=colour", "group_by"),
        ("group_by=day,day", "group_by"),
        ("group_by=", "group_by"),
        ("since=yesterday", "since"),
        ("since=2026-13-01", "since"),
        ("since=2026-11-01T00:00:00", "since"),
        ("since=-1", "since"),
        ("since=999999999999", "since"),
        ("until=2026-01-01", "until"),
        ("since=2026-11-02&until=2026-11-02", "until"),
        ("project=", "project"),
        ("format=xml", "format"),
        ("limit=5", "limit"),
        ("&".join(f"tag={n}" for n in range(101)), "tag"),
    ],
)
async def test_what_makes_no_sense_is_named(query: str, param: str) -> None:
    """With 400, and the ledger is not asked."""
    desk = desk_of()
    answer = await desk.ask("GET", f"{USAGE}?{query}")
    assert (answer.status, answer.error["param"]) == (400, param)
    assert desk.ledger.questions == 0


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "group_by=day", "after="])
async def test_what_makes_no_sense_of_a_list(query: str) -> None:
    """It knows limits, and no groups."""
    answer = await desk_of(call()).ask("GET", f"{CALLS}?{query}")
    assert answer.status == (200 if query == "after=" else 400)


async def test_one_call_in_words() -> None:
    """Every field of its row."""
    tried = Attempt("mini-neu", "upstream_error", 0.25, 503, Usage(input_tokens=1), 2)
    row = call(
        attempts=[tried, Attempt("mini-weu", None, 0.5, 200)],
        tags=("team=a", "x"),
        stream=True,
        first_content_s=0.1,
    )
    answer = (await desk_of(row).ask("GET", CALLS)).json
    UsageCalls.model_validate(answer)
    [words] = answer["data"]
    assert words["at"] == "2027-01-15T07:59:01.000Z"
    assert (words["key"], words["outcome"], words["cost"]) == (
        "key_plain",
        "finished",
        "1.500000000",
    )
    assert words["attempts"][0] == {
        "deployment": "mini-neu",
        "status": 503,
        "error": "upstream_error",
        "duration_s": 0.25,
        "usage": words["attempts"][0]["usage"],
        "estimated": False,
        "cost": "0.000000002",
    }
    assert words["attempts"][0]["usage"]["input_tokens"] == 1
    assert words["attempts"][1]["usage"] is None
    assert words["usage"]["cache_read_tokens"] == 5
    assert (words["tags"], words["stream"], words["counted"]) == (["team=a", "x"], True, True)
    assert (answer["has_more"], answer["last_id"]) == (False, None)


async def test_calls_in_pages() -> None:
    """`last_id` leads on to the next one, until there is none."""
    desk = desk_of(*(call(n) for n in range(1, 8)))
    seen, after = [], ""
    for size in (3, 3, 1):
        page = (await desk.ask("GET", f"{CALLS}?limit=3{after}")).json
        assert len(page["data"]) == size
        seen += [each["request_id"] for each in page["data"]]
        after = f"&after={page['last_id']}"
    assert (page["has_more"], seen) == (False, [f"req_{n:04d}" for n in range(1, 8)])


async def test_newest_calls_first() -> None:
    """In pages and in exports; an order that is none is refused."""
    desk = desk_of(*(call(n) for n in range(1, 8)))
    ids = [f"req_{n:04d}" for n in range(7, 0, -1)]
    seen, after = [], ""
    for _ in range(3):
        page = (await desk.ask("GET", f"{CALLS}?limit=3&order=desc{after}")).json
        seen += [each["request_id"] for each in page["data"]]
        after = f"&after={page['last_id']}"
    assert (page["has_more"], seen) == (False, ids)
    lines = await desk.export(f"{CALLS}?format=jsonl&order=desc&limit=4")
    assert [json.loads(line)["request_id"] for line in lines.text.splitlines()] == ids[:4]
    refused = await desk.ask("GET", f"{CALLS}?order=newest")
    assert (refused.status, refused.error["param"]) == (400, "order")


async def test_csv_of_sums() -> None:
    """A header, a line for each group, CRLF; what could be a formula begins with an apostrophe."""
    evil = '=HYPERLINK("http://x", "y")'
    desk = desk_of(call(1, tags=(evil,)), call(2, tags=('a, "b"',)), call(3), call(4, tags=("'q",)))
    answer = await desk.ask("GET", f"{USAGE}?group_by=tag,project&format=csv")
    assert answer.headers["content-type"].startswith("text/csv; charset=utf-8")
    assert answer.headers["content-disposition"] == 'attachment; filename="usage.csv"'
    text = answer.body.decode()
    assert text.count("\r\n") == 5
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert {text_of(row["tag"]) for row in rows} == {evil, 'a, "b"', "", "'q"}
    assert {row["cost"] for row in rows} == {"1.500000000"}


async def test_json_lines_of_sums() -> None:
    """The very groups of the JSON answer."""
    desk = desk_of(call(1, project="ä"), call(2))
    whole = (await desk.ask("GET", f"{USAGE}?group_by=project")).json["data"]
    lines = await desk.ask("GET", f"{USAGE}?group_by=project&format=jsonl")
    assert [json.loads(line) for line in lines.body.splitlines()] == whole
    assert lines.headers["content-type"] == "application/jsonl"


@pytest.mark.parametrize(("query", "count"), [("", 2500), ("&limit=7", 7)])
async def test_exports_hold_all_calls(query: str, count: int) -> None:
    """Page by page, in both formats; a limit bounds them."""
    desk = desk_of(*(call(n) for n in range(1, 2501)))
    lines = await desk.export(f"{CALLS}?format=jsonl{query}")
    ids = [json.loads(line)["request_id"] for line in lines.text.splitlines()]
    assert ids == [f"req_{n:04d}" for n in range(1, count + 1)]
    table = await desk.export(f"{CALLS}?format=csv{query}")
    rows = list(csv.DictReader(StringIO(table.text, newline="")))
    assert [row["request_id"] for row in rows] == ids
    assert (rows[0]["output_tokens"], rows[0]["tags"], rows[0]["first_content_s"]) == (
        "3",
        "[]",
        "",
    )
    assert (lines.complete, table.complete) == (True, True)
    assert len(lines.pieces) == (4 if count > 7 else 2)
    assert "content-length" not in table.headers


async def test_a_broken_export_does_not_look_complete() -> None:
    """The connection is cut where the ledger went away; nothing is said to be the end."""
    desk = desk_of(*(call(n) for n in range(1, 2501)))
    desk.ledger.failure, desk.ledger.fails_at = Unavailable("The store is away."), 2
    broken = await desk.export(f"{CALLS}?format=jsonl")
    assert (broken.status, broken.complete, broken.was_cut) == (200, False, True)
    assert len(broken.text.splitlines()) == 1000
    desk.ledger.questions = 0
    with pytest.raises(RuntimeError):
        await desk.export(f"{CALLS}?format=jsonl", under_our_server=False)


@pytest.mark.parametrize("format_", ["json", "csv", "jsonl"])
async def test_what_cannot_be_read_at_all_has_a_status(format_: str) -> None:
    """Before anything is sent."""
    desk = desk_of(call())
    desk.ledger.failure = Unavailable("The store is away.", retry_after_s=1.0)
    for path in (USAGE, CALLS):
        answer = await desk.ask("GET", f"{path}?format={format_}")
        assert (answer.status, answer.error["code"]) == (503, "service_unavailable")
    desk.ledger.failure = ReadOnly("Only sums are kept.", hint="Set USAGE_ROWS=on.")
    answer = await desk.ask("GET", f"{CALLS}?format={format_}")
    assert (answer.status, answer.error["code"]) == (409, "read_only")


async def test_nothing_more_is_read_for_a_client_that_left() -> None:
    """The ledger is not walked to its end for nobody."""
    desk = desk_of(*(call(n) for n in range(1, 9001)))
    left = await desk.export(f"{CALLS}?format=jsonl", leaves_after=1)
    assert not left.complete
    assert desk.ledger.questions <= 3


async def test_only_administrators_see_it() -> None:
    """Another key is refused, and none is."""
    desk = desk_of(call())
    for path in (USAGE, CALLS):
        plain = await desk.ask("GET", path, key=PLAIN_KEY)
        assert (plain.status, plain.error["code"]) == (403, "admin_key_required")
        assert (await desk.ask("GET", path, key=None)).status == 401
        assert (await desk.ask("POST", path, {})).status == 405
    assert desk.ledger.questions == 0
    assert (await desk.ask("GET", USAGE)).headers["cache-control"] == "no-store"
