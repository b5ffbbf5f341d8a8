"""Long outages at a steady load: who is well answers all calls, and nobody is asked for nothing."""

import sys
from pathlib import Path

import pytest

from tests.chaos.client import Ending
from tests.chaos.report import Run, markdown
from tests.chaos.run import chaos
from tests.chaos.weather import Change, Mode

SECONDS, RATE, FROM_S = 10.0, 60.0, 2.0
FIRST, SECOND, THIRD, SPARE = range(4)
PROBED = 40
"""Requests that a provider may get in all these seconds after its breaker has opened, and those
that were on their way when it did.
"""
pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="open files are counted in /proc, which only Linux has"
)


async def _run(folder: Path, **down: Mode) -> Run:
    numbers = {"first": FIRST, "second": SECOND, "third": THIRD, "spare": SPARE}
    weather = [Change(FROM_S, numbers[name], mode, 1.0) for name, mode in down.items()]
    return await chaos(
        folder, seconds=SECONDS, rate=RATE, seed=1, tell=sys.stderr.write, weather=weather
    )


@pytest.mark.asyncio
@pytest.mark.parametrize("mode", [Mode.STATUS_503, Mode.REFUSE])
async def test_all_deployments_are_down(tmp_path: Path, mode: Mode) -> None:
    """The model that stands in answers every call, and those that are down are hardly asked."""
    run = await _run(tmp_path, first=mode, second=mode, third=mode)

    assert run.faults() == [], markdown(run)
    assert run.tally.endings[Ending.ANSWERED] == run.tally.calls
    *deployments, spare = run.providers
    assert sum(spare.did.values()) > RATE * (SECONDS - FROM_S) * 0.7
    assert all(provider.did[mode] <= PROBED for provider in deployments), markdown(run)


@pytest.mark.asyncio
async def test_one_of_three_is_left(tmp_path: Path) -> None:
    """Two deployments and the model that stands in are down at once: the third answers all."""
    down = {"first": Mode.STATUS_500, "second": Mode.RESET, "spare": Mode.STATUS_529}
    run = await _run(tmp_path, **down)

    assert run.faults() == [], markdown(run)
    assert run.tally.endings[Ending.ANSWERED] == run.tally.calls


@pytest.mark.asyncio
async def test_nobody_is_left(tmp_path: Path) -> None:
    """When all are down every call is told so, and the outage is not multiplied.

    A call asks one deployment and, if that fails, another; what it asks beyond that comes out of a
    budget: a fifth of the calls and ten a second, for the model and for the one that stands in.
    """
    mode = Mode.STATUS_500
    run = await _run(tmp_path, first=mode, second=mode, third=mode, spare=mode)

    failed = sum(provider.did[mode] for provider in run.providers)
    told = run.tally.endings[Ending.TOLD]
    bad = run.tally.endings[Ending.SILENT] + run.tally.endings[Ending.NO_ANSWER]
    assert told > RATE * (SECONDS - FROM_S) * 0.7
    assert (bad, run.books.wrong) == (0, [])
    assert set(run.tally.told) == {"upstream_error"}
    assert failed <= told * 2.2 + 2 * 10 * SECONDS + PROBED
