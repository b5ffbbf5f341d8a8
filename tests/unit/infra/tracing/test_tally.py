"""What is counted on the event loop, and how a thread gets the sums."""

import pytest

from llmproxy.infra.tracing.figures import Figures
from llmproxy.infra.tracing.histograms import HTTP_DURATION, Counted, Histograms
from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.tally import MAX_HANDED, Tally
from tests.unit.infra.tracing.test_figures import GOOD
from tests.unit.infra.tracing.visits import over


def requests(counted: Counted) -> int:
    """How many requests were counted."""
    summed = Histograms()
    summed.add(counted)
    return sum(each.count for each in summed.counted[HTTP_DURATION].values())


@pytest.fixture
def tally() -> Tally:
    """One that has counted nothing."""
    return Tally(Figures(Places()))


def test_handed_over(tally: Tally) -> None:
    """Each request is in one sum, and where nothing ended there is none."""
    record = over(GOOD)
    for _ in range(3):
        tally.count(*record)
    tally.hand_over()
    tally.hand_over()
    tally.count(*record)
    tally.hand_over()
    assert [requests(each) for each in tally.handed] == [3, 1]


def test_a_thread_that_takes_nothing(tally: Tally) -> None:
    """There is a most of sums, which grow; at last all is handed over."""
    record = over(GOOD)
    for _ in range(MAX_HANDED + 5):
        tally.count(*record)
        tally.hand_over()
    assert len(tally.handed) == MAX_HANDED
    tally.hand_over(at_last=True)
    assert [requests(each) for each in tally.handed] == [1] * MAX_HANDED + [5]
