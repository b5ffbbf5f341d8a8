"""What limits are told by the ledger in Azure Cosmos DB, while parts are folded too."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.limiter import History, Scope, ScopeKind, ScopeName, Used
from llmproxy.domain.limit import Limits
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.cosmos.account import CosmosPlace
from llmproxy.infra.database.cosmos.usage_book import PARTITION, page_id, read_page
from llmproxy.infra.database.cosmos.usage_folding import Folding
from llmproxy.infra.database.cosmos.usage_history import QUESTION, Tally
from llmproxy.infra.database.cosmos.usage_part import Part
from tests.contract.cosmos_places import running
from tests.contract.cosmos_transports import Died, Mortal
from tests.contract.cosmos_usage_calls import NOON, Written, call, ledger, made_place, many

pytestmark = pytest.mark.asyncio

HOUR_S = 3600
SCOPES = [
    *[Scope(ScopeKind.KEY, f"key_{n}", Limits(currency=("USD", "EUR")[n % 2])) for n in range(9)],
    Scope(ScopeKind.PROJECT, "web", Limits()),
    Scope(ScopeKind.MODEL, "chat", Limits()),
    Scope(ScopeKind.DEPLOYMENT, "chat-1", Limits()),
]


@pytest_asyncio.fixture(name="there")
async def _there() -> AsyncIterator[CosmosPlace]:
    yield await made_place()
    running().heal()


async def filled(there: CosmosPlace, files: int) -> History:
    """Put one part for each of some files, over three months; return what limits are told."""
    draw = random.Random(11)  # noqa: S311 - no secret
    async with ledger(there) as one:
        for number in range(files):
            rows = [
                call(
                    100 * number + n,
                    at=NOON - draw.random() * 80 * 86_400,
                    key=f"key_{draw.randrange(9)}",
                    currency=draw.choice(["USD", "EUR"]),
                    cost_nano=draw.randrange(10**12),
                    counted=draw.randrange(2),
                    project=draw.choice(["web", None]),
                    deployment=draw.choice(["chat-1", "chat-2", None]),
                )
                for n in range(draw.randrange(6))
            ]
            await one.take(Written(rows, f"file-{number:03d}", ended=True).batch(0))
        return await one.history(SCOPES, NOON)


def today() -> float:
    """Return a time at which all is written, and no call is in the future."""
    return max(time.time(), NOON)


def amounts(history: History) -> dict[ScopeName, tuple[Used, Used]]:
    """Return months and totals, which no folding may change."""
    return {name: (each.month, each.total) for name, each in history.scopes.items()}


async def fold(there: CosmosPlace, now: float, transport: Mortal | None = None) -> int | None:
    """Make one round of another worker, by this clock of the service."""
    async with ledger(there, transport) as one:
        return await Folding(one._shelf).round(int(now))


async def test_folding_changes_nothing(there: CosmosPlace) -> None:
    """Months and totals are the same after each round; at the end every part is in the book."""
    before = await filled(there, 70)
    now = today()
    assert await fold(there, now + HOUR_S) is None
    rounds = 0
    later: int | None = int(now) + 30 * HOUR_S
    while later is not None:
        later = await fold(there, later)
        rounds += 1
        async with ledger(there) as one:
            assert amounts(await one.history(SCOPES, NOON)) == amounts(before)
    assert rounds == 3  # those without calls are marked in the first
    async with ledger(there) as one:
        after = await one.history(SCOPES, NOON)
        assert after.positions == {}
        running().seen()
        await one.history(SCOPES, NOON)
        asked = [each["url"] for each in running().seen() if "/docs" in each["url"]]
    assert len(asked) <= 1 + 16


@pytest.mark.parametrize("seed", range(4))
async def test_folding_whatever_dies(there: CosmosPlace, seed: int) -> None:
    """At any write, between any rounds, with two workers at once, nothing counts twice or never."""
    draw = random.Random(seed)  # noqa: S311 - no secret
    before = await filled(there, 16)
    now = today() + 27 * HOUR_S
    for _ in range(14):
        now += draw.choice([1, 60, 301, 400, HOUR_S, 20 * HOUR_S, 50 * HOUR_S])
        with contextlib.suppress(Died):
            await fold(there, now, Mortal(draw.randrange(1, 6), after=draw.random() < 0.5))
        if draw.random() < 0.2:
            await asyncio.gather(fold(there, now), fold(there, now + 1))
        async with ledger(there) as one:
            assert amounts(await one.history(SCOPES, NOON)) == amounts(before)


async def test_a_reader_between_the_rounds(there: CosmosPlace) -> None:
    """Who has read the parts before they were folded, and the book after, counts each once."""
    before = await filled(there, 10)
    now = today() + 27 * HOUR_S
    async with ledger(there) as one:
        for rounds in range(4):
            tally = Tally(SCOPES, NOON)
            async for items in one._shelf.pages(QUESTION, {}):
                tally.add(items)
            await fold(there, now + 400 * rounds)
            pages = {
                number: read_page(number, await one._shelf.read(page_id(number), PARTITION))
                for number in tally.pages
            }
            assert amounts(tally.history(pages)) == amounts(before)


async def test_the_book_forgets_names(there: CosmosPlace) -> None:
    """Of parts that were folded long ago, when it is written again; they are not added again."""
    before = await filled(there, 3)
    now = today() + 27 * HOUR_S
    await fold(there, now)
    await fold(there, now + 400)
    async with ledger(there) as one:
        await one.take(Written([call(9999, key="key_0", cost_nano=1)], "new", ended=True).batch(0))
        await fold(there, now + 60 * HOUR_S)
        names = {
            name
            for number in range(16)
            for name in read_page(number, await one._shelf.read(page_id(number), PARTITION)).parts
            if number in Tally([SCOPES[0]], NOON).pages
        }
        assert names == {"new/1"}
        after = (await one.history(SCOPES, NOON)).scopes[ScopeName(ScopeKind.KEY, "key_0")]
    first = before.scopes[ScopeName(ScopeKind.KEY, "key_0")]
    assert after.total.cost_nano == first.total.cost_nano + 1


async def test_folding_begins_by_itself(
    there: CosmosPlace, caplog: pytest.LogCaptureFixture
) -> None:
    """When a start has found many full parts; what goes wrong there does not stop the carrier."""
    await filled(there, 64)
    async with ledger(there) as one:
        await one.history(SCOPES, NOON)
        await one.taken("new")
        running().fail(kind="query", status=403)
        await one.take(Written([call(7001)], "new").batch(0))
        assert "old sums were not folded" in caplog.text
        assert (await one.taken("new")).end == 100
    async with ledger(there) as few:
        caplog.clear()
        await few.taken("another")
        running().fail(kind="query", status=403)
        await few.take(Written([call(7002)], "another").batch(0))
        assert caplog.text == ""


async def test_the_last_seconds_are_kept_small(there: CosmosPlace) -> None:
    """With many scopes a minute's steps grow longer: they leave the window late, never early."""
    rows = [
        call(n, key=f"key_{n % 60}", at=NOON + n * 0.1, usage=Usage(1), cost_nano=n)
        for n in range(600)
    ]
    async with ledger(there) as one:
        await one.take(Written(rows).batch(0))
        item = await one._account.usage.read_item("000001", "sums/worker-1.jsonl")
        assert len(item["recent"]) <= 160
        for back in (0.0, 10.5, 30.0, 61.0):
            now = NOON + 60 + back
            history = await one.history([Scope(ScopeKind.MODEL, "chat", Limits())], now)
            [of_model] = history.scopes.values()
            inside = [row for row in rows if row.at - row.at % 2 > int(now) - 62]
            assert sum(step.used.requests for step in of_model.minutes) >= len(inside)
            assert all(step.at <= NOON + 60 for step in of_model.minutes)
            assert of_model.total.requests == 600


async def test_the_last_seconds_of_too_many(there: CosmosPlace) -> None:
    """With more than 1,000 scopes at once the whole step of 15 minutes stands for them."""
    part = Part("file")
    rows = [call(n, key=f"k{n}", at=NOON + 10) for n in range(1100)]
    # Larger than a part, which would be full before: seen from within.
    while rows:
        part.bytes = 0
        rows = rows[part.add(rows, NOON) :]
    assert part.recent is None
    async with ledger(there) as one:
        await one._shelf.write(part)
        now = NOON + 100.0
        history = await one.history([Scope(ScopeKind.PROJECT, "web", Limits())], now)
        [of_project] = history.scopes.values()
        assert [(step.at, step.used.requests) for step in of_project.minutes] == [(now, 1100)]


async def test_positions_are_those_of_the_last_parts(there: CosmosPlace) -> None:
    """Of each file, however many parts it has; one byte more where the file has ended."""
    file = Written(many(500))
    async with ledger(there) as one:
        await one.take(file.batch(0, 400))
        await one.take(file.batch(400 * 100))
        await one.take(Written(many(2), "other", ended=True).batch(0))
        assert (await one.history([], NOON)).positions == {"worker-1.jsonl": 50_000, "other": 201}
