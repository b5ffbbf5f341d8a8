"""The ledger at a distance tells what the ledger here tells."""

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.journal import Attempt, Outcome
from llmproxy.application.interfaces.usage_ledger import Dimension, Filter
from llmproxy.application.use_cases.read_usage import ReadUsage
from llmproxy.domain.errors import InvalidRequest, ReadOnly, Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.domain.usage import Usage
from llmproxy.infra.remote.address import address
from llmproxy.infra.remote.exchange import Exchange, Reply
from llmproxy.infra.remote.usage import RemoteUsage
from tests.fakes.rows import NOW, RowsLedger, call
from tests.unit.infra.admin.usage_desk import UsageDesk
from tests.unit.infra.remote.test_administration import DirectExchange

pytestmark = pytest.mark.asyncio
ROWS = (
    call(
        1, at=NOW - 90 * 86_400, attempts=[Attempt("a", "x", 0.5, 500, Usage(output_tokens=1), 3)]
    ),
    call(2, project=None, tags=("a & b", "c=d,e"), usage=Usage(estimated=True)),
    call(3, project="ä/ö", currency="EUR", outcome=Outcome.CACHED, cost_nano=1),
    call(4, key_id="key_x", model="max", deployment=None, status=None, outcome=Outcome.FAILED),
)
FILTERS = (
    Filter(),
    Filter(since=NOW - 100 * 86_400, until=NOW - 57),
    Filter(projects=frozenset({"ä/ö", "alpha"})),
    Filter(keys=frozenset({"key_x"}), models=frozenset({"max"})),
    Filter(tags=frozenset({"a & b", "nothing"})),
)


def there(*rows: object) -> tuple[UsageDesk, RemoteUsage]:
    """A gateway over these calls, and what reads it."""
    desk = UsageDesk(ledger=RowsLedger(*rows))  # type: ignore[arg-type]
    return desk, RemoteUsage(DirectExchange(desk))


@pytest.mark.parametrize("wanted", FILTERS)
@pytest.mark.parametrize("by", [(), ("project",), ("tag", "day"), ("deployment",)])
async def test_sums(wanted: Filter, by: tuple[Dimension, ...]) -> None:
    """The same groups and totals."""
    desk, remote = there(*ROWS)
    here = await ReadUsage(desk.ledger).report(wanted, by)
    assert await remote.report(wanted, by) == here


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("wanted", FILTERS)
async def test_calls(wanted: Filter, newest_first: bool) -> None:  # noqa: FBT001
    """The same rows, page by page, in both orders."""
    desk, remote = there(*ROWS)
    after = None
    for _ in range(5):
        here = await ReadUsage(desk.ledger).calls(wanted, after, 2, newest_first=newest_first)
        page = await remote.calls(wanted, after, 2, newest_first=newest_first)
        assert page == here
        after = page.next
        if after is None:
            return
    raise AssertionError("there is no end")


async def test_more_than_a_page_is_asked_for() -> None:
    """A gateway gives 1,000 at once, and says where to go on."""
    _, remote = there(*(call(n) for n in range(1, 1203)))
    page = await remote.calls(Filter(), None, 5000)
    assert (len(page.rows), page.next) == (1000, "1000")


async def test_refusals_arrive() -> None:
    """As what they are."""
    desk, remote = there()
    desk.ledger.failure = Unavailable("The store is away.")
    with pytest.raises(Unavailable):
        await remote.report(Filter(), ())
    desk.ledger.failure = ReadOnly("Only sums are kept.")
    with pytest.raises(ReadOnly):
        await remote.calls(Filter(), None, 5)
    with pytest.raises(InvalidRequest):
        await remote.report(Filter(since=5.0, until=4.0), ())


class OddExchange(Exchange):
    """A gateway that answers something else."""

    def __init__(self, values: dict[str, object]) -> None:
        super().__init__(address("http://gateway"), Secret("x"))
        self._values_given = values

    @override
    async def ask(self, *_arguments: object, **_more: object) -> Reply:  # type: ignore[override]
        """Answer."""
        return Reply(self._values_given, "", b"")


@pytest.mark.parametrize(
    "values", [{}, {"data": 5, "totals": []}, {"data": [{}], "totals": []}, {"data": [None]}]
)
async def test_answers_that_make_no_sense(values: dict[str, object]) -> None:
    """Are said to make none."""
    remote = RemoteUsage(OddExchange(values))
    with pytest.raises(Unavailable, match="makes no sense"):
        await remote.report(Filter(), ("day",))
    with pytest.raises(Unavailable, match="makes no sense"):
        await remote.calls(Filter(), None, 1)
