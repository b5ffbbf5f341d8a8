"""A short run; `scripts/chaos` makes a long one."""

import sys
from pathlib import Path

import pytest

from tests.chaos.client import Ending
from tests.chaos.report import markdown
from tests.chaos.run import chaos

SECONDS, RATE = 20.0, 50.0
"""The seed below draws many kinds of faults in this time."""
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="open files are counted in /proc, which only Linux has"
)


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", [579])
async def test_twenty_seconds(tmp_path: Path, seed: int) -> None:
    """Every failure is hidden or raised, the ledger is exact, and nothing is left open."""
    said: list[str] = []
    run = await chaos(tmp_path, seconds=SECONDS, rate=RATE, seed=seed, tell=said.append)

    assert run.faults() == [], markdown(run)
    assert run.tally.calls > SECONDS * RATE * 0.7
    assert run.books.hidden > 10
    assert run.tally.endings[Ending.RAISED] > 0
    assert run.tally.shown_to_the_sdk > 0
    assert run.tally.by_the_sdk[Ending.ANSWERED] > 10
    assert said
