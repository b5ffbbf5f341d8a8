"""Calls for tests of the ledger in Azure Cosmos DB, a journal file with them, and the ledger."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from azure.core.pipeline.transport import AioHttpTransport

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.application.interfaces.usage_ledger import Batch, Sum
from llmproxy.domain.usage import Usage
from llmproxy.infra.database.cosmos.account import CosmosAccount, CosmosPlace
from llmproxy.infra.database.cosmos.initialise import initialise
from llmproxy.infra.database.cosmos.usage_ledger import CosmosUsageLedger
from tests.contract.cosmos_places import place
from tests.contract.cosmos_transports import Batching
from tests.fakes.clock import FakeClock

NOON = 1_795_694_400.0
"""2026-11-26 12:00 UTC: the beginning of a step of 15 minutes."""
LINE = 100
"""Bytes of a line of the journal, and there are two for each call."""


def call(  # noqa: PLR0913 - what tells calls apart
    number: int,
    *,
    at: float = NOON,
    key: str = "key_1",
    project: str | None = "web",
    model: str = "chat",
    deployment: str | None = "chat-1",
    outcome: Outcome = Outcome.FINISHED,
    currency: str = "USD",
    cost_nano: int = 1_000,
    usage: Usage = Usage(10, 5, 0, 7, 3),  # noqa: B008 - immutable
    counted: int = 1,
    tags: tuple[str, ...] = (),
) -> Closed:
    """Make one; its number makes its id."""
    return Closed(
        f"req_{number:024x}",
        at,
        key,
        project,
        model,
        "chat_completions",
        deployment,
        outcome,
        200,
        None,
        [Attempt(deployment, None, 0.5, 200, usage, cost_nano)] if deployment else [],
        usage,
        cost_nano,
        currency,
        counted,
        0.7,
        None,
        0.01,
        stream=False,
        tags=tags,
    )


@dataclass
class Written:
    """A journal file with these calls, one after the other."""

    rows: list[Closed]
    source: str = "worker-1.jsonl"
    ended: bool = False

    def batch(self, begin: int, most: int | None = None) -> Batch:
        """Read at most so many calls from a byte on, which must be where a line begins."""
        assert begin % LINE == 0
        first = begin // LINE
        rows = self.rows[first : None if most is None else first + most]
        end = begin + LINE * len(rows)
        return Batch(
            self.source, begin, end, rows, self.ended and first + len(rows) == len(self.rows)
        )


def added(rows: Sequence[Closed]) -> list[Sum]:
    """Add calls up by currency, in the plainest way."""
    by_currency: dict[str, list[Closed]] = defaultdict(list)
    for row in rows:
        by_currency[row.currency].append(row)
    fine = (Outcome.FINISHED, Outcome.CACHED)
    return [
        Sum(
            (),
            currency,
            len(calls),
            sum(row.outcome not in fine for row in calls),
            sum(row.outcome is Outcome.CACHED for row in calls),
            sum(row.usage.estimated for row in calls),
            sum(row.usage.total_input_tokens for row in calls),
            sum(row.usage.cache_read_tokens for row in calls),
            sum(row.usage.total_output_tokens for row in calls),
            sum(row.usage.reasoning_tokens for row in calls),
            sum(row.usage.images for row in calls),
            sum(row.usage.characters for row in calls),
            sum(row.usage.audio_ms for row in calls),
            sum(row.cost_nano for row in calls),
        )
        for currency, calls in sorted(by_currency.items())
    ]


async def made_place() -> CosmosPlace:
    """Make a new database with its containers."""
    there = place()
    account = await CosmosAccount.open(there)
    await initialise(account)
    await account.close()
    return there


@asynccontextmanager
async def ledger(
    there: CosmosPlace, transport: AioHttpTransport | None = None, *, rows: bool = False
) -> AsyncIterator[CosmosUsageLedger]:
    """Open the ledger as another worker would."""
    account = await CosmosAccount.open(there, transport=transport or Batching())
    opened = CosmosUsageLedger(account, FakeClock(NOON + 3600), rows=rows, keep_rows_days=30)
    try:
        yield opened
    finally:
        await opened.close()


def many(count: int) -> list[Closed]:
    """Make calls that fill several parts: each has a key of its own."""
    return [call(n, key=f"key_{n:020d}", at=NOON + n) for n in range(count)]


async def carry(opened: CosmosUsageLedger, file: Written, most: int | None = None) -> None:
    """Carry all of a file that is not there yet, as the carrier does."""
    while True:
        taken = await opened.taken(file.source)
        batch = file.batch(taken.end, most)
        if not batch.rows:
            return
        await opened.take(batch)
