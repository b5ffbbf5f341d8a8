"""The circuit breaker at its edges: when it opens, who probes it, what closes it."""

from llmproxy.application.routing.breaker import (
    FAILURES_IN_A_ROW,
    JITTER,
    LONGEST_OPEN_S,
    OFFER_S,
    OPEN_S,
    PROBE_S,
    Breaker,
)

NOW = 1000.0


def breaker(jitter: float = 0.0) -> Breaker:
    return Breaker(lambda: jitter)


def fail(breaker: Breaker, now: float, times: int = FAILURES_IN_A_ROW) -> bool:
    """Let so many calls fail, one after another; tell whether the last opened it."""
    opened = False
    for _ in range(times):
        opened = breaker.failed(now, breaker.began(now))
    return opened


def succeed(breaker: Breaker, now: float, times: int = 1) -> bool:
    """Let so many calls succeed; tell whether the last closed it."""
    closed = False
    for _ in range(times):
        closed = breaker.succeeded(now, breaker.began(now))
    return closed


def test_five_failures_in_a_row_open_it() -> None:
    """An answer in between begins the row anew."""
    closed = breaker()
    assert not fail(closed, NOW, 4)
    succeed(closed, NOW)
    assert not fail(closed, NOW, 4)
    assert fail(closed, NOW, 1)
    assert closed.waits(NOW)
    assert closed.until == NOW + OPEN_S


def test_half_of_twenty_failures_open_it() -> None:
    """However they are mixed; fewer calls or fewer failures do not."""
    mixed = breaker()
    for number in range(9):
        assert not fail(mixed, NOW + number, 1)
        succeed(mixed, NOW + number)
    succeed(mixed, NOW + 9)
    assert fail(mixed, NOW + 9, 1)
    spread = breaker()
    for number in range(40):
        assert not fail(spread, NOW + number, 1)
        succeed(spread, NOW + number)


def test_what_is_ten_seconds_old_does_not_count() -> None:
    """Of a minute with half of its calls failed, only the last ten seconds are looked at."""
    old = breaker()
    for _ in range(9):
        succeed(old, NOW)
        fail(old, NOW, 1)
    succeed(old, NOW)
    assert not fail(old, NOW + 10, 1)
    fresh = breaker()
    for _ in range(9):
        succeed(fresh, NOW)
        fail(fresh, NOW, 1)
    succeed(fresh, NOW)
    assert fail(fresh, NOW + 9.9, 1)


def test_one_probe_at_a_time() -> None:
    """When the time is over one call may ask it; when that ends without a word, another."""
    half = breaker()
    fail(half, NOW)
    later = NOW + OPEN_S
    assert half.waits(later - 0.001)
    assert not half.waits(later)
    assert half.half_open
    era = half.began(later)
    assert half.waits(later + 1)
    half.let_go(era)
    assert not half.waits(later + 1)


def test_an_offer_is_a_probe_for_a_moment() -> None:
    """A call that was given the place and never came keeps it for a second only."""
    half = breaker()
    half.offer(NOW)
    assert not half.waits(NOW)
    fail(half, NOW)
    later = NOW + OPEN_S
    assert not half.waits(later)
    half.offer(later)
    assert half.waits(later + OFFER_S - 0.001)
    assert not half.waits(later + OFFER_S)


def test_a_probe_that_hangs_is_not_waited_for() -> None:
    """After a minute another call may ask it; a late end of the first harms nothing."""
    half = breaker()
    fail(half, NOW)
    later = NOW + OPEN_S
    assert not half.waits(later)
    era = half.began(later)
    assert half.waits(later + PROBE_S - 0.001)
    assert not half.waits(later + PROBE_S)
    assert half.failed(later + PROBE_S, era)


def test_probes_that_fail_double_the_time() -> None:
    """5 s, 10, 20, 40, and never more than a minute, jitter and all; an answer ends that."""
    for jitter in (0.0, 0.5, 1.0):
        failing = breaker(jitter)
        now, times = NOW, []
        fail(failing, now)
        for _ in range(6):
            times.append(failing.until - now)
            now = failing.until
            assert not failing.waits(now)
            assert fail(failing, now, 1)
        for seconds, plain in zip(times, [5, 10, 20, 40, 50, 50], strict=True):
            assert abs(seconds - plain * (1 + JITTER * jitter)) < 1e-6
        assert max(times) <= LONGEST_OPEN_S + 1e-6
        now = failing.until
        assert succeed(failing, now)
        fail(failing, now)
        assert failing.until - now < 6.01


def test_an_old_failure_is_no_probe() -> None:
    """Calls that hung in the outage time out later: neither half open nor closed do they count."""
    hung = breaker()
    eras = [hung.began(NOW) for _ in range(20)]
    fail(hung, NOW)
    later = NOW + OPEN_S
    assert not hung.waits(later)
    assert not hung.failed(later, eras.pop())
    assert succeed(hung, later)
    assert not any(hung.failed(later, era) for era in eras)
    assert not hung.until


def test_an_old_answer_closes_nothing() -> None:
    """A stream that began before the outage ends well: the breaker stays open."""
    streamed = breaker()
    era = streamed.began(NOW)
    fail(streamed, NOW)
    assert not streamed.succeeded(NOW + 1, era)
    assert streamed.waits(NOW + 1)


def test_the_last_resort_may_close_it() -> None:
    """It was asked although it is open, because nobody else was left, and answered."""
    asked = breaker()
    fail(asked, NOW)
    assert succeed(asked, NOW + 1)
    assert not asked.waits(NOW + 1)


def test_failures_while_open_prolong_nothing() -> None:
    """The last resort that fails does not keep it from being probed."""
    asked = breaker()
    fail(asked, NOW)
    fail(asked, NOW + 1, 50)
    assert asked.until == NOW + OPEN_S


def test_what_others_found() -> None:
    """It opens for as long as another worker says, a minute at most; a probe doubles that time."""
    told = breaker()
    assert told.hear_open(NOW, NOW + 20)
    assert told.until == NOW + 20
    assert not told.hear_open(NOW, NOW + 15)
    assert not told.hear_open(NOW + 30, NOW + 25)
    assert not told.waits(NOW + 20)
    fail(told, NOW + 20, 1)
    assert told.until == NOW + 20 + 40
    assert breaker().hear_open(NOW, NOW + 9999)
    far = breaker()
    far.hear_open(NOW, NOW + 9999)
    assert far.until == NOW + LONGEST_OPEN_S
