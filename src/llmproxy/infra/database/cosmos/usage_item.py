"""A part as an item of the container, and back.

```json
{"id": "000001", "partition": "sums/3f9c-0001.jsonl", "kind": "sums", "source": "3f9c-0001.jsonl",
 "number": 1, "end": 81234, "ahead": 0, "ended": false, "full": false, "folded": false,
 "first": 1795651200, "last": 1795652100, "hours": [498792],
 "names": ["key_1", "chat", "…"], "groups": [["…"]], "recent": [["…"]]}
```

`groups` has a row for each step of 15 minutes and all that tells calls apart; names are places in
`names`. `recent` are the last seconds in steps of 2 s, for limits of a minute. Costs are texts,
since numbers of Cosmos DB are doubles, and 2**53 nano-units are nine million of a currency.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from llmproxy.application.interfaces.limiter import Used
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.cosmos.usage_part import (
    Amounts,
    Group,
    Moment,
    Part,
    bytes_of,
    bytes_of_name,
    names_of,
)

KIND: Final = "sums"
HOUR_S: Final = 3600

Places = dict[str | None, int | None]


def item_of(part: Part) -> dict[str, Any]:
    """Return a part as it is written."""
    places: Places = {None: None}
    groups = [_group_row(places, *row) for row in part.groups.items()]
    recent = (
        None if part.recent is None else [_moment_row(places, *row) for row in part.recent.items()]
    )
    steps = {group.step for group in part.groups}
    times = {"first": min(steps), "last": max(steps)} if steps else {}
    return {
        "id": f"{part.number:06d}",
        "partition": partition_of(part.source),
        "kind": KIND,
        "source": part.source,
        "number": part.number,
        "end": part.end,
        "ahead": part.ahead,
        "ended": part.ended,
        "full": part.full,
        "folded": part.folded,
        **times,
        "hours": sorted({step // HOUR_S for step in steps}),
        "names": [name for name in places if name is not None],
        "groups": groups,
        "recent": recent,
    }


def part_of(item: Mapping[str, Any]) -> Part:
    """Read a part. Raises Unavailable for one that was damaged by hand: money is not guessed."""
    try:
        part = Part(
            str(item["source"]),
            int(item["number"]),
            str(item["_etag"]),
            int(item["end"]),
            int(item["ahead"]),
            item["ended"] is True,
            item["full"] is True,
            item["folded"] is True,
            int(item["_ts"]),
            dict(_groups(item)),
            None if item["recent"] is None else dict(_recent(item)),
        )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise damaged(item, error) from error
    names = {name for group in part.groups for name in names_of(group)}
    part.bytes = sum(map(bytes_of, part.groups)) + sum(map(bytes_of_name, names))
    return part


def damaged(item: Mapping[str, Any], error: Exception) -> Unavailable:
    """Return what is told of an item that cannot be read."""
    return Unavailable(
        "The ledger cannot be read.",
        detail=f"item {item.get('id')} of partition {item.get('partition')} in the container of "
        f"usage cannot be read: {type(error).__name__}: {error}",
    )


def partition_of(source: str) -> str:
    """Return the partition of a journal file's sums."""
    return f"{KIND}/{source}"


def _place(places: Places, name: str | None) -> int | None:
    # None has a place too, so that it is one less than the length.
    return places.setdefault(name, len(places) - 1)


def _group_row(places: Places, group: Group, amounts: Amounts) -> list[object]:
    named: list[object] = [_place(places, name) for name in group[1:7]]
    tags = [_place(places, tag) for tag in group.tags]
    currency = _place(places, group.currency)
    return [group.step, *named, tags, currency, *amounts[:-1], str(amounts.cost_nano)]


def _moment_row(places: Places, moment: Moment, used: Used) -> list[object]:
    named: list[object] = [_place(places, name) for name in moment[1:]]
    return [moment.step, *named, used.requests, used.tokens, str(used.cost_nano)]


def _groups(item: Mapping[str, Any]) -> Iterator[tuple[Group, Amounts]]:
    names = item["names"]
    for step, *named, tags, currency, a, b, c, d, e, f, g, h, i, j, cost in item["groups"]:
        told: list[Any] = [step, *[None if place is None else names[place] for place in named]]
        group = Group._make([*told, tuple([names[place] for place in tags]), names[currency]])
        yield group, Amounts(a, b, c, d, e, f, g, h, i, j, int(cost))


def _recent(item: Mapping[str, Any]) -> Iterator[tuple[Moment, Used]]:
    names = item["names"]
    for step, *named, counted, tokens, cost in item["recent"]:
        told: list[Any] = [step, *[None if place is None else names[place] for place in named]]
        yield Moment._make(told), Used(int(cost), tokens, counted)
