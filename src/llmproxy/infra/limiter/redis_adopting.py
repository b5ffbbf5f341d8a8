"""A dead worker's journal file, told to Redis before it is deleted."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Final

from llmproxy.application.interfaces.limiter import Stretch, Told
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.limiter.past import places_of
from llmproxy.infra.limiter.redis_scope import Steps, add_line, id_of, spread
from llmproxy.infra.limiter.redis_scripts import LOOK, TELL
from llmproxy.infra.limiter.redis_seat import SLOW_S, Seat, checked
from llmproxy.infra.redis.errors import RedisFailure
from llmproxy.infra.redis.line import Argument

AT_ONCE: Final = 100
MAX_TRIES: Final = 10


async def adopt(seat: Seat, stretch: Stretch, currencies: Collection[str]) -> None:
    """Count in each scope what lies behind the byte up to which it was told. Raises Unavailable.

    `currencies` are those in which scopes may be limited, beside those of the lines.
    """
    lines = _by_scope(stretch, {*currencies, *(line.currency for line in stretch.lines)})
    try:
        for _ in range(MAX_TRIES):
            if not lines:
                return
            if not seat.up:
                break
            await _some(seat, stretch, lines)
    except RedisFailure as error:
        raise _not_now() from error
    if lines:
        raise _not_now()


_Lines = dict[tuple[str, str], list[Told]]
"""By the id of a scope and its currency."""


def _by_scope(stretch: Stretch, currencies: Collection[str]) -> _Lines:
    lines: defaultdict[tuple[str, str], list[Told]] = defaultdict(list)
    for line in stretch.lines:
        for kind, name in places_of(line):
            for currency in currencies:
                lines[id_of(kind, name, currency), currency].append(line)
    return lines


async def _some(seat: Seat, stretch: Stretch, lines: _Lines) -> None:
    """Tell of all that is left; what was told meanwhile by somebody else stays for another look."""
    for batch in _batches(list(lines)):
        ids = [id_ for id_, _ in batch]
        seen = checked(await seat.run(LOOK, (1, stretch.source, *ids), timeout_s=SLOW_S))[1:]
        entries: list[tuple[str, str]] = []
        arguments: list[Argument] = []
        for each, known in zip(batch, seen, strict=True):
            began = int(known[1] or 0) if known else stretch.end
            if began >= stretch.end:
                del lines[each]  # told already, or nobody counts it: it is rebuilt when asked for
                continue
            steps = _steps(lines[each], began, each[1], seat.now())
            arguments += (each[0], 0, 0, stretch.source, began, stretch.end, *spread(steps))
            entries.append(each)
        if not entries:
            continue
        reply = checked(await seat.run(TELL, (len(entries), *arguments), timeout_s=SLOW_S))
        for each, word in zip(entries, reply[2:], strict=True):
            if word != b"behind":
                del lines[each]


def _steps(lines: list[Told], began: int, currency: str, now: float) -> Steps:
    steps: Steps = {}
    for line in lines:
        if line.place < 0 or line.place >= began:
            add_line(steps, line, currency, now)
    return steps


def _batches(ids: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    rest = iter(ids)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


def _not_now() -> Unavailable:
    return Unavailable("Redis is away: what a dead worker used is not counted.", retry_after_s=1.0)
