"""CSV, JSON lines and the command line tell the same as the JSON answer."""

import csv
import json
from io import StringIO
from typing import Any

import pytest

from tests.api.admin.administrator import ADMIN_KEY
from tests.api.gateway import run
from tests.api.usage.world import EVER, World, expected, told

SINCE = ("--since", "2020-01-01")
BY = ("project", "key", "model", "tag")


def command(world: World, place: str, *arguments: str) -> str:
    """What the command says, over the store or at the gateway."""
    environment = dict(world.admin.gateway.environment)
    if place == "there":
        del environment["LLMPROXY_DATA_DIR"]
        environment |= {
            "LLMPROXY_URL": world.admin.gateway.url,
            "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
        }
    return run(environment, "usage", *SINCE, *arguments)


def rows_of(text: str) -> list[dict[str, str]]:
    """The lines of CSV, after its own check: every cell is one that no spreadsheet runs."""
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    return rows


def texts(sums: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Sums as CSV has them."""
    return [
        {
            name: "" if value is None else f"'{value}" if value == "=1+1" else str(value)
            for name, value in each.items()
        }
        for each in sums
    ]


def test_every_way_says_the_same(world: World) -> None:
    """Over HTTP in three formats, over the store and at the gateway in two."""
    target = f"/admin/usage?{EVER}&group_by={','.join(BY)}"
    whole = world.admin.done("GET", target)["data"]
    lines = world.admin.ask("GET", f"{target}&format=jsonl").body.decode()
    table = world.admin.ask("GET", f"{target}&format=csv").body.decode()
    assert [json.loads(line) for line in lines.splitlines()] == whole
    assert rows_of(table) == texts(whole)
    options = [word for name in BY for word in ("--by", name)]
    for place in ("here", "there"):
        said = command(world, place, *options, "--format", "jsonl")
        assert [json.loads(line) for line in said.splitlines()] == whole
        assert rows_of(command(world, place, *options, "--format", "csv")) == texts(whole)


def test_calls_in_every_way(world: World) -> None:
    """The same rows, whole and exact."""
    target = f"/admin/usage/calls?{EVER}"
    whole = world.admin.done("GET", target)["data"]
    exported = world.admin.ask("GET", f"{target}&format=jsonl")
    assert exported.headers["transfer-encoding"] == "chunked"
    assert [json.loads(line) for line in exported.body.decode().splitlines()] == whole
    rows = rows_of(world.admin.ask("GET", f"{target}&format=csv").body.decode())
    assert [row["request_id"] for row in rows] == [each["request_id"] for each in whole]
    assert [json.loads(row["attempts"]) for row in rows] == [each["attempts"] for each in whole]
    assert [int(row["output_tokens"]) for row in rows] == [each.out for each in world.made]
    assert [json.loads(row["tags"]) for row in rows] == [each["tags"] for each in whole]
    for place in ("here", "there"):
        said = command(world, place, "--calls", "--format", "jsonl")
        assert [json.loads(line) for line in said.splitlines()] == whole
        said = command(world, place, "--calls", "--newest", "--format", "jsonl")
        assert [json.loads(line) for line in said.splitlines()] == whole[::-1]


@pytest.mark.parametrize("place", ["here", "there"])
def test_the_table(world: World, place: str) -> None:
    """Groups, and below them a total for each currency."""
    lines = [line.split("\t") for line in command(world, place).splitlines()]
    named = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    totals = []
    for each in named:
        cost, currency = each["cost"].split()
        sums = {"currency": currency, "cost": cost, "requests": each["requests"]}
        sums |= {"input_tokens": each["input"], "output_tokens": each["output"]}
        if each["project"] == "total":
            totals.append(sums)
        else:
            own = [
                made
                for made in world.made
                if (made.project, made.model) == (each["project"], each["model"])
            ]
            assert told([sums]) == expected(own)
    assert told(totals) == expected(world.made)
    limited = command(world, place, "--project", "beta", "--by", "outcome")
    assert {line.split("\t")[0] for line in limited.splitlines()} == {
        "outcome",
        "finished",
        "refused",
        "failed",
        "total",
    }
