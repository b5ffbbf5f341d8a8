"""Where usage is kept: what makes each UsageLedger, empty, for the suites."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from llmproxy.application.interfaces.usage_ledger import UsageLedger
from llmproxy.infra.database.cosmos.usage_ledger import CosmosUsageLedger
from llmproxy.infra.database.sqlite.usage_ledger import SqliteUsageLedger
from tests.contract.cosmos_places import made
from tests.contract.cosmos_transports import Batching
from tests.fakes.clock import FakeClock
from tests.fakes.usage_ledger import NOON, FakeUsageLedger

CLOCK = FakeClock(NOON + 3600)
Make = Callable[[Path], Awaitable[UsageLedger]]


async def memory(_folder: Path) -> UsageLedger:
    """Make the fake that other tests use."""
    return FakeUsageLedger()


async def sqlite(folder: Path) -> UsageLedger:
    """Make the SQLite adapter."""
    return await SqliteUsageLedger.open(folder / "store.sqlite3", CLOCK, keep_rows_days=400)


async def cosmos(folder: Path) -> UsageLedger:
    """Make the Cosmos DB adapter, which keeps sums."""
    return CosmosUsageLedger(await made(folder), CLOCK, rows=False, keep_rows_days=400)


async def cosmos_rows(folder: Path) -> UsageLedger:
    """Make the one that keeps single calls too."""
    account = await made(folder, transport=Batching())
    return CosmosUsageLedger(account, CLOCK, rows=True, keep_rows_days=400)


PLACES: list[Make] = [memory, sqlite, cosmos]
WITH_ROWS: list[Make] = [memory, sqlite, cosmos_rows]
"""Those that keep single calls, and so can tell of tags."""
BY_ID: list[Make] = [memory, sqlite]
"""Those that know a request by its id, and not only by its place in a journal file."""
