"""What `/admin/usage` tells of real calls is what the provider said that they used."""

from collections.abc import Callable
from urllib.parse import quote

import pytest

from tests.api.usage.world import EVER, Made, World, expected, told

GROUPS: dict[str, Callable[[Made], object]] = {
    "project": lambda each: each.project,
    "key": lambda each: each.key,
    "model": lambda each: each.model,
    "deployment": lambda each: each.model,
    "operation": lambda _: "ChatCompletion",
    "outcome": lambda each: each.outcome,
}


def sums(world: World, query: str = "") -> dict[str, list[dict[str, object]]]:
    """The answer about all calls there ever were."""
    answer: dict[str, list[dict[str, object]]] = world.admin.done(
        "GET", f"/admin/usage?{EVER}{query}"
    )
    return answer


def test_the_totals(world: World) -> None:
    """Every call once, at its exact price, each currency by itself."""
    answer = sums(world)
    assert told(answer["totals"]) == expected(world.made)
    assert answer["data"] == answer["totals"]


@pytest.mark.parametrize("dimension", GROUPS)
def test_by_every_dimension(world: World, dimension: str) -> None:
    """The groups are those of the calls, and add up to the totals."""
    data = sums(world, f"&group_by={dimension}")["data"]
    group = GROUPS[dimension]
    values = {group(each) for each in world.made}
    assert {each[dimension] for each in data} == values
    for value in values:
        own = [each for each in world.made if group(each) == value]
        assert told([each for each in data if each[dimension] == value]) == expected(own)


@pytest.mark.parametrize(("dimension", "length"), [("day", 10), ("month", 7)])
def test_by_time(world: World, dimension: str, length: int) -> None:
    """Days and months are those of the calls' own times, of UTC."""
    calls = world.admin.done("GET", f"/admin/usage/calls?{EVER}")["data"]
    data = sums(world, f"&group_by={dimension}")["data"]
    values = {each["at"][:length] for each in calls}
    assert {each[dimension] for each in data} == values
    for value in values:
        ids = {each["request_id"] for each in calls if each["at"].startswith(value)}
        own = [each for each in world.made if each.request_id in ids]
        assert told([each for each in data if each[dimension] == value]) == expected(own)


def test_by_tag(world: World) -> None:
    """Of the header and of `metadata`; a call stands under each, and once in the totals."""
    answer = sums(world, "&group_by=tag")
    tags = {tag for each in world.made for tag in each.tags or ("",)}
    assert {each["tag"] for each in answer["data"]} == tags
    for tag in tags:
        own = [each for each in world.made if tag in (each.tags or ("",))]
        rows = [each for each in answer["data"] if each["tag"] == tag]
        assert told(rows) == expected(own)
    assert told(answer["totals"]) == expected(world.made)


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ("&project=alpha", lambda each: each.project == "alpha"),
        ("&project=beta&model=mini", lambda each: (each.project, each.model) == ("beta", "mini")),
        ("&tag=search", lambda each: "search" in each.tags),
        ("&tag=team%3Dblue&tag=team%3Dred", lambda each: "team=" in " ".join(each.tags)),
        ("&model=nobody", lambda _: False),
        ("&until=2020-01-02", lambda _: False),
    ],
)
def test_filters(world: World, query: str, fits: Callable[[Made], bool]) -> None:
    """Only the calls that fit are counted."""
    own = [each for each in world.made if fits(each)]
    assert told(sums(world, query)["totals"]) == expected(own)


def test_single_calls(world: World) -> None:
    """Each request is one row, with the id that its caller got."""
    listed = world.admin.done("GET", f"/admin/usage/calls?{EVER}")["data"]
    assert [each["request_id"] for each in listed] == [each.request_id for each in world.made]
    for row, made in zip(listed, world.made, strict=True):
        assert (row["project"], row["key"], row["model"]) == (made.project, made.key, made.model)
        assert (row["outcome"], row["stream"]) == (made.outcome, made.stream)
        assert sorted(row["tags"]) == sorted(made.tags)
        assert row["usage"]["input_tokens"] == made.into
        assert row["usage"]["output_tokens"] == made.out
        assert (row["first_content_s"] is not None) == (made.stream and made.into > 0)
        assert 0 <= row["overhead_s"] <= row["duration_s"]
        assert row["estimated"] is False
        attempts = row["attempts"]
        assert attempts[-1]["deployment"] == made.model
        assert (attempts[-1]["error"] is None) == (made.outcome == "finished")
    [refused] = [each for each in listed if each["outcome"] == "refused"]
    [failed] = [each for each in listed if each["outcome"] == "failed"]
    assert (refused["status"], failed["status"]) == (400, 503)
    assert {each["status"] for each in failed["attempts"]} == {503}


def test_pages(world: World) -> None:
    """All calls, three at a time."""
    seen: list[str] = []
    after = ""
    while True:
        page = world.admin.done("GET", f"/admin/usage/calls?{EVER}&limit=3{after}")
        seen += [each["request_id"] for each in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={quote(page['last_id'], safe='')}"
    assert seen == [each.request_id for each in world.made]
