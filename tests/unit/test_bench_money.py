"""The bench's verdict on limits, ledger and cache, from samples that are made up."""

from dataclasses import replace

import pytest

from bench import targets_money
from bench.figures import WAITING, read
from bench.samples import (
    AGAIN,
    EARLIER,
    FREE,
    LIMITED,
    PLAIN,
    SHARED,
    SHARED_AGAIN,
    SINGLE,
    UNARY,
    Money,
    Results,
    Sample,
)
from bench.targets import Target

ALL = Money("", "")


def _samples(name: str, *cpu_us_each: float, threads: float = 0.0) -> list[Sample]:
    return [
        Sample(
            name, PLAIN, UNARY, turn, 100, 0, 1.0, 100 * each, 9.0, 20.0, threads_us=100 * threads
        )
        for turn, each in enumerate(cpu_us_each)
    ]


def _targets(samples: list[Sample], money: Money | None = ALL) -> dict[str, Target]:
    found = targets_money.of_money(Results(samples), money)
    return {target.what: target for target in found if target.what.endswith("c=64")}


def _of(targets: dict[str, Target], *words: str) -> Target:
    [target] = [each for what, each in targets.items() if all(word in what for word in words)]
    return target


@pytest.mark.parametrize(("threads", "held"), [(10.0, True), (11.0, False)])
def test_what_is_added_is_the_median_of_pairs_with_the_threads_of_the_ledger(
    threads: float, *, held: bool
) -> None:
    """20 µs more and 10 µs in threads are the 30 µs that there are."""
    samples = [
        *_samples(FREE, 150.0, 160.0, 140.0, threads=25.0),
        *_samples(LIMITED, 170.0, 200.0, 155.0, threads=threads),
    ]
    target = _of(_targets(samples), "memory", "threads")
    assert (target.most, target.held) == (30.0, held)
    assert target.found is not None
    assert target.found.median == pytest.approx(20.0 + threads)


def test_an_earlier_build_has_no_threads_of_a_ledger_to_add() -> None:
    """Against it the whole difference counts, once."""
    samples = [*_samples(EARLIER, 100.0), *_samples(LIMITED, 140.0, threads=20.0)]
    target = _of(_targets(samples), "memory", "earlier build")
    assert (target.held, target.found and target.found.median) == (False, 40.0)


def test_redis_has_a_bound_of_its_own_and_its_own_cpu_is_not_in_it() -> None:
    """150 µs on the gateway's side."""
    shared = [replace(each, beside_us=100_000.0) for each in _samples(SHARED, 290.0)]
    target = _of(_targets([*_samples(FREE, 150.0), *shared]), "Redis", "threads")
    assert (target.most, target.held, target.found and target.found.median) == (150.0, True, 140.0)
    assert shared[0].beside_us_each == 1000.0


def test_an_answer_from_the_cache_is_compared_with_a_miss_in_the_same_place() -> None:
    """Half of it, in memory and in Redis."""
    samples = [
        *_samples(LIMITED, 200.0),
        *_samples(AGAIN, 100.0),
        *_samples(SHARED, 300.0),
        *_samples(SHARED_AGAIN, 160.0),
    ]
    targets = _targets(samples)
    assert _of(targets, "answer", "memory").held is True
    assert _of(targets, "answer", "Redis").held is False


def test_both_concurrencies_are_held_to_it() -> None:
    """A request alone pays for waking up as well."""
    alone = [replace(each, kind=SINGLE) for each in _samples(FREE, 200.0)]
    samples = [*alone, *[replace(each, gateway=LIMITED, cpu_us=30_000.0) for each in alone]]
    found = {target.what: target.held for target in targets_money.of_money(Results(samples), ALL)}
    assert [held for what, held in found.items() if "memory" in what and "threads" in what] == [
        None,
        False,
    ]


def test_what_was_not_measured_is_said() -> None:
    """No verdict without a figure, and the reason where there is one."""
    targets = _targets([], Money("redis-server was not found", "no earlier build was given"))
    assert {target.held for target in targets.values()} == {None}
    assert _of(targets, "Redis", "threads").why == "redis-server was not found"
    assert _of(targets, "memory", "earlier build").why == "no earlier build was given"


def test_figures_with_many_labels_are_left_out() -> None:
    """That of the worker is taken away; one other may stay."""
    worker = 'worker="0"'
    text = (
        f"# TYPE {WAITING} gauge\n{WAITING}{{{worker}}} 12\nx 0.5\n"
        f'x_bucket{{{worker},le="0.5"}} 3\ny{{{worker},a="1",b="2"}} 4\nz{{{worker},a="1"}} 5\n'
    )
    assert dict(read(text)) == {WAITING: 12.0, "x": 0.5, 'z{a="1"}': 5.0}
