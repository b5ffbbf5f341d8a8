"""The bench's verdict on a large registry, from samples that are made up."""

from bench import targets
from bench.samples import LARGE, PLAIN, SMALL, UNARY, WIDE, Change, Held, Results, Sample, Scale


def _samples(name: str, *cpu_us_each: float) -> list[Sample]:
    return [
        Sample(name, PLAIN, UNARY, turn, 100, 0, 1.0, 100 * each, 900.0, 2000.0)
        for turn, each in enumerate(cpu_us_each)
    ]


def _scale(start_s: float = 3.0, model_ms: float = 4.0) -> Scale:
    small = Held(SMALL, 10, 10, [0.9], 60_000_000, 65_000_000)
    large = Held(LARGE, 10_000, 100_000, [start_s], 200_000_000, 210_000_000)
    return Scale([small, large], [Change(0.5, model_ms, 1.0)])


def _verdicts(results: Results, scale: Scale | None) -> dict[str, bool | None]:
    return {target.what: target.held for target in targets.of_scale(results, scale)}


def test_within_the_range_of_the_small_one_a_request_costs_the_same() -> None:
    """The median of the pairs counts, against how far the small one strays by itself."""
    small = _samples(SMALL, 200.0, 190.0, 215.0)
    alike = Results([*small, *_samples(LARGE, 210.0, 200.0, 260.0), *_samples(WIDE, 220.0)])
    verdicts = _verdicts(alike, _scale())
    assert verdicts["large registry, CPU of a request, more than with a small one"] is True
    wide = [held for what, held in verdicts.items() if "all over" in what]
    assert wide == [False]

    dearer = Results([*small, *_samples(LARGE, 220.0, 210.0, 216.0)])
    verdicts = _verdicts(dearer, _scale())
    assert verdicts["large registry, CPU of a request, more than with a small one"] is False


def test_the_start_and_the_stands_have_bounds() -> None:
    """5 s and 10 ms."""
    start = "large registry, start to the first 200"
    stand = "large registry, longest stand of the event loop when a model changes"
    good, bad = _verdicts(Results([]), _scale()), _verdicts(Results([]), _scale(5.1, 10.5))
    assert (good[start], good[stand]) == (True, True)
    assert (bad[start], bad[stand]) == (False, False)


def test_what_was_not_measured_is_said() -> None:
    """No verdict without a figure, and the reason where there is one."""
    assert set(_verdicts(Results([]), None).values()) == {None}
    target = targets.of_cosmos([], "node was not found")
    assert (target.held, target.why) == (None, "node was not found")
