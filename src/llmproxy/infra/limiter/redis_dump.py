"""A scope as Redis keeps it, read into the counters that every limiter reasons with."""

import struct
from collections.abc import Sequence
from typing import Any, Final

from llmproxy.domain.limit import SLIDING, Allowance, Limits, Quota, Window, month_of
from llmproxy.domain.pricing import NANO
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Counter
from llmproxy.infra.limiter.redis_scope import SUMS, Tracked, resets_in

HEADER: Final = struct.Struct("<40d")
EIGHT: Final = struct.Struct("<8d")
MONTH: Final = 4
"""Where the header says when its month began, counted from 0."""
_NEWEST: Final = {Window.MINUTE: (1, 8), Window.DAY: (3, 16)}
"""Where the header has the newest step of a window, and the window's eight numbers, from 0."""
_WINDOW: Final = {b"m": Window.MINUTE, b"d": Window.DAY}


def amount(numbers: Sequence[float], begin: int, place: int) -> int:
    """Return requests, tokens or nano-units out of four numbers that begin there."""
    if place < 2:
        return int(numbers[begin + place])
    return int(numbers[begin + 2]) * NANO + int(numbers[begin + 3])


def counters_of(limits: Limits, dump: Sequence[Any], second: int) -> ScopeCounters:
    """Return the counters of a scope from what `reserve.lua` dumps: header, names, values."""
    header = HEADER.unpack(dump[0])
    steps: dict[Window, dict[int, Sequence[float]]] = {}
    for name, value in zip(dump[1], dump[2], strict=True):
        window = _WINDOW[name[:1]]
        found = steps.setdefault(window, {})
        if value is not None:
            found[int(name[1:])] = EIGHT.unpack(value)
    for window, (last, begin) in _NEWEST.items():
        # Steps that nothing hangs on are not sent: all counts in the newest.
        steps.setdefault(window, {int(header[last]): header[begin : begin + 8]})
    counters = ScopeCounters(limits)
    for counter in counters.extend(limits, second):
        _fill(counter, header, steps, second)
    counters.running.taken = int(header[SUMS[Window.TOTAL] - 1 + 4])
    counters.adopt(limits)
    return counters


def _fill(
    counter: Counter,
    header: Sequence[float],
    steps: dict[Window, dict[int, Sequence[float]]],
    second: int,
) -> None:
    place = counter.place
    if counter.window in (Window.TOTAL, Window.MONTH):
        begin = SUMS[counter.window] - 1
        counter.count(second, amount(header, begin, place))
        counter.hold(second, amount(header, begin + 4, place))
        return
    step_s, _ = SLIDING[counter.window]
    for number, numbers in steps[counter.window].items():
        counter.count(number * step_s, amount(numbers, 0, place))
        counter.hold(number * step_s, amount(numbers, 4, place))


def quota_after(
    found: Sequence[tuple[Tracked, int]], numbers: list[int], now: float
) -> Quota | None:
    """Return what is left after a call that was held.

    `found` are its scopes, each with where its rules begin in `numbers`: two for each rule, the
    first is what is used and held.
    """
    best: list[tuple[float, int, int, Window] | None] = [None, None]
    for tracked, begin in found:
        for index, place, most, window in tracked.quoted:
            left = most - numbers[begin + index]
            share = left / (most or 1)
            present = best[place]
            if present is None or share < present[0]:
                best[place] = (share, most, left, window)
    requests, tokens = best
    if requests is None and tokens is None:
        return None
    return Quota(_allowance(requests, now), _allowance(tokens, now))


def _allowance(best: tuple[float, int, int, Window] | None, now: float) -> Allowance | None:
    if best is None:
        return None
    _, most, left, window = best
    ends = month_of(now)[1] if window is Window.MONTH else 0
    return Allowance(most, max(0, left), resets_in(window, now, ends))
