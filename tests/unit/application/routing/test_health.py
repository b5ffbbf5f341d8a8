"""How one deployment is doing: what counts against it, and what does not."""

import pytest

from llmproxy.application.routing.health import REST_S, Health
from llmproxy.application.routing.latency import LEAST_ANSWERS
from llmproxy.application.routing.ward import Change, State, Ward
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import (
    Broken,
    Busy,
    GatewayError,
    OperationNotSupported,
    OwnFault,
    Refused,
    TimedOut,
)
from tests.fakes.documents import document
from tests.fakes.stepped_clock import SteppedClock


class Patient:
    """A health with a clock, and what was told of it."""

    def __init__(self, **fields: object) -> None:
        self.clock = SteppedClock()
        self.told: list[Change] = []
        self.ward = Ward(self.clock, lambda: 0.0, self.told.append)
        self.health = Health("d", self.ward)
        self.health.is_of(parse_model(document(**fields)).model, 0)

    @property
    def now(self) -> float:
        return self.clock.monotonic()

    @property
    def state(self) -> State:
        return self.health.state(self.now)

    def fail(self, error: GatewayError, times: int = 1, *, counts: bool = True) -> None:
        for _ in range(times):
            self.health.failed(error, counts=counts, era=self.health.began())

    def answer(self, first_s: float = 1.0) -> None:
        self.health.answered(first_s, self.health.began())

    def fit(self) -> bool:
        return self.health.fit(self.now)


@pytest.mark.parametrize(
    "error",
    [Broken("x"), TimedOut("x"), OwnFault("x"), Broken("x", retry_after_s=30)],
    ids=lambda error: type(error).__name__,
)
def test_failures_of_the_provider_open_the_breaker(error: GatewayError) -> None:
    """Five of them; everybody is told, in unix seconds, and one more is unwell."""
    patient = Patient()
    patient.fail(error, 4)
    assert (patient.state, patient.ward.unwell) == (State.CLOSED, 0)
    patient.fail(error)
    assert (patient.state, patient.ward.unwell, patient.health.openings) == (State.OPEN, 1, 1)
    assert patient.told == [Change("d", State.OPEN, patient.clock.now() + 5)]
    assert patient.health.until == patient.now + 5
    assert not patient.fit()


@pytest.mark.parametrize(
    ("error", "counts"),
    [
        (Refused("x", status=400, error={}), True),
        (OperationNotSupported("x"), True),
        (TimedOut("x"), False),
    ],
    ids=["refused", "not offered", "the client's own limit"],
)
def test_what_is_not_the_providers_fault_does_not_count(error: GatewayError, counts: bool) -> None:  # noqa: FBT001
    """The request's own faults and the client's impatience say nothing of the deployment."""
    patient = Patient()
    patient.fail(error, 50, counts=counts)
    assert (patient.state, patient.told) == (State.CLOSED, [])
    assert (patient.health.failures, patient.health.outstanding) == (50, 0)


def test_it_is_probed_by_one_and_closed_by_an_answer() -> None:
    """After its time it is asked by one call; an answer makes it well, and that is told."""
    patient = Patient()
    patient.fail(Broken("x"), 5)
    patient.clock.advance(5)
    assert patient.state is State.HALF_OPEN
    assert patient.health.until is None
    assert patient.fit()
    patient.health.offer(patient.now)
    assert not patient.fit()
    era = patient.health.began()
    patient.clock.advance(2)
    assert not patient.fit()
    patient.health.answered(1.0, era)
    assert patient.fit()
    assert (patient.state, patient.ward.unwell) == (State.CLOSED, 0)
    assert patient.told[1:] == [Change("d", State.CLOSED, 0.0)]


def test_a_probe_that_leaves_makes_room_for_another() -> None:
    """Nobody knows what it would have found."""
    patient = Patient()
    patient.fail(Broken("x"), 5)
    patient.clock.advance(5)
    assert patient.fit()
    era = patient.health.began()
    assert not patient.fit()
    patient.health.let_go(era)
    assert patient.fit()


@pytest.mark.parametrize(
    ("said", "rests_s"), [(None, REST_S), (3.5, 3.5), (60, 60), (86_400, 60), (0.25, 0.25)]
)
def test_it_rests_as_long_as_its_provider_says(said: float | None, rests_s: float) -> None:
    """A second where it does not say, and never more than a minute; then it is asked again."""
    patient = Patient()
    patient.fail(Busy("x", retry_after_s=said))
    assert (patient.state, patient.health.refusals) == (State.RESTING, 1)
    assert patient.health.until == patient.now + rests_s
    assert patient.told == [Change("d", State.RESTING, patient.clock.now() + rests_s)]
    patient.clock.advance(rests_s - 0.001)
    assert not patient.fit()
    patient.clock.advance(0.002)
    assert patient.state is State.CLOSED
    assert patient.fit()
    assert patient.ward.unwell == 0


def test_a_shorter_rest_ends_no_longer_one() -> None:
    """Calls under way come back later with less: the longest counts, and is told once."""
    patient = Patient()
    for seconds in (10.0, 2.0, 0.0):
        patient.fail(Busy("x", retry_after_s=seconds))
    assert patient.health.until == patient.now + 10
    assert len(patient.told) == 1


def test_busy_is_no_failure_of_the_deployment() -> None:
    """A provider that refuses for its limits does not open the breaker."""
    patient = Patient()
    patient.fail(Busy("x", retry_after_s=1), 50)
    patient.clock.advance(1)
    assert patient.state is State.CLOSED


def test_a_wall_clock_that_is_set_changes_nothing() -> None:
    """Rests and breakers go by time that passes."""
    patient = Patient()
    patient.fail(Busy("x", retry_after_s=10))
    patient.clock.set_wall(3600)
    assert not patient.fit()
    patient.clock.set_wall(-7200)
    patient.clock.advance(10)
    assert patient.fit()


def test_a_provisioned_one_sheds() -> None:
    """When it says it is nearly full a share of the calls goes elsewhere, until it has room."""
    patient = Patient(provisioned={"spill_at": 80})
    patient.health.load(80)
    assert (patient.state, patient.ward.unwell) == (State.CLOSED, 0)
    patient.health.load(100)
    assert (patient.state, patient.ward.unwell) == (State.SHEDDING, 1)
    assert patient.health.moved_share(patient.now) == 0.98
    assert 2 <= sum([patient.fit() for _ in range(100)]) <= 3
    assert patient.health.until == patient.now + 15
    patient.health.load(60)
    assert (patient.state, patient.ward.unwell) == (State.CLOSED, 0)
    assert patient.health.load_percent == 60
    patient.health.load(100)
    patient.clock.advance(15)
    assert patient.fit()
    assert patient.ward.unwell == 0


def test_a_provisioned_one_comes_back_by_and_by() -> None:
    """After a 429 few calls find out how much room there is; who says nothing has all of them."""
    patient = Patient(provisioned=True)
    patient.fail(Busy("x", retry_after_s=3))
    assert patient.state is State.RESTING
    patient.clock.advance(3)
    assert patient.health.moved_share(patient.now) == 0.98
    patient.health.load(95)
    assert patient.health.moved_share(patient.now) == pytest.approx(0.49)
    patient.fail(Busy("x", retry_after_s=3))
    patient.clock.advance(3 + 15)
    assert (patient.state, patient.fit()) == (State.CLOSED, True)


def test_only_provisioned_ones_shed() -> None:
    """Others may say what they like."""
    patient = Patient()
    patient.health.load(100)
    assert patient.state is State.CLOSED
    assert (patient.health.load_percent, patient.health.moved_share(patient.now)) == (None, 0.0)


def test_latency_is_an_average_of_late() -> None:
    """Each answer counts a fifth; after a minute's silence it begins anew."""
    patient = Patient()
    assert patient.health.latency_s is None
    patient.answer(1.0)
    assert patient.health.latency_s == 1.0
    patient.answer(2.0)
    assert patient.health.latency_s == pytest.approx(1.2)
    patient.clock.advance(60)
    patient.answer(5.0)
    assert patient.health.latency_s == 5.0


def test_the_percentile_waits_for_answers() -> None:
    """And then says what nearly all of them took."""
    patient = Patient()
    for _ in range(LEAST_ANSWERS):
        assert patient.health.p95_s is None
        patient.clock.advance(1)
        patient.answer(0.5)
    patient.clock.advance(1)
    assert patient.health.p95_s == pytest.approx(0.5, rel=0.06)
    assert patient.health.answers == LEAST_ANSWERS


def test_without_an_era_an_end_is_of_now() -> None:
    """Whoever does not bring it back is taken to have begun just now."""
    patient = Patient()
    for _ in range(5):
        patient.health.began()
        patient.health.failed(Broken("x"), counts=True)
    assert patient.state is State.OPEN
    patient.health.began()
    patient.health.answered(1.0)
    assert patient.state is State.CLOSED
    patient.health.began()
    patient.health.let_go()
    assert patient.health.outstanding == 0


def test_what_another_worker_found() -> None:
    """It is applied and not told again: an opening, a closing and a rest, of a minute at most."""
    patient = Patient()
    now = patient.clock.now()
    patient.health.hear(Change("d", State.OPEN, now + 20))
    assert (patient.state, patient.ward.unwell) == (State.OPEN, 1)
    assert patient.health.until == patient.now + 20
    patient.health.hear(Change("d", State.RESTING, now + 9999))
    patient.health.hear(Change("d", State.RESTING, now + 1))
    patient.health.hear(Change("d", State.CLOSED, 0.0))
    patient.health.hear(Change("d", State.CLOSED, 0.0))
    assert patient.state is State.RESTING
    assert patient.health.until == patient.now + 60
    patient.health.hear(Change("d", State.SHEDDING, now + 9))
    patient.clock.advance(60)
    assert patient.fit()
    assert patient.ward.unwell == 0
    patient.health.hear(Change("d", State.OPEN, now))
    patient.health.hear(Change("d", State.RESTING, now))
    assert (patient.state, patient.told) == (State.CLOSED, [])


def test_a_document_that_is_gone_counts_no_more() -> None:
    """Calls that began before may still end; nobody is told."""
    patient = Patient()
    patient.fail(Broken("x"), 4)
    era = patient.health.began()
    patient.health.leave()
    patient.health.failed(Broken("x"), counts=True, era=era)
    assert (patient.ward.unwell, patient.told) == (0, [])
    sick = Patient()
    sick.fail(Broken("x"), 5)
    sick.health.leave()
    assert sick.ward.unwell == 0


def test_who_has_left_counts_for_itself() -> None:
    """Its calls end as they began; who takes its place in the columns begins at nothing."""
    patient = Patient()
    other = Health("other", patient.ward)
    patient.answer(2.0)
    patient.health.began()
    other.began()
    patient.health.leave()
    new = Health("new", patient.ward)
    assert (new.place, new.outstanding) == (0, 0)
    new.began()
    new.began()
    assert (patient.health.outstanding, patient.health.latency_s) == (1, 2.0)
    patient.answer(3.0)
    patient.health.let_go()
    assert (patient.health.outstanding, patient.health.latency_s) == (0, pytest.approx(2.2))
    assert (patient.ward.outstanding, patient.ward.average_s) == ([2, 1], [0.0, 0.0])
