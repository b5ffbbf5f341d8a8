"""A document of sums: what some stretch of one journal file used, and where the stretch ends.

Both stand in one item, so that one write moves both: a call is counted exactly once, whatever dies
when. A part is written again and again until it is large enough; then it never changes any more but
for `folded` (usage_book.py), and the next part goes on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.limiter import NOTHING_USED, Used
from llmproxy.domain.limit import DAY_STEP_S, MINUTE_S, MINUTE_STEP_S

PART_BYTES: Final = 24 * 1024
"""Then a part is full. With its `recent` it has about 32 KB, which is where a byte is cheapest to
write and to read: 11.23 and 2.19 RU ("Understand request unit consumption", learn.microsoft.com).
"""
RECENT_S: Final = MINUTE_S + 2 * MINUTE_STEP_S
MOST_RECENT: Final = 160
MOST_SCOPES: Final = 1000
"""Above it `recent` is given up: see `Part.recent`."""


class Group(NamedTuple):
    """What calls of one row of `groups` have in common; `step` is when it began, unix seconds."""

    step: int
    project: str | None
    key: str
    model: str
    deployment: str | None
    operation: str
    outcome: str
    tags: tuple[str, ...]
    currency: str


class Amounts(NamedTuple):
    """What they used together. `counted` of the `requests` count for limits."""

    counted: int
    requests: int
    estimated: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    images: int
    characters: int
    audio_ms: int
    cost_nano: int

    @property
    def tokens(self) -> int:
        """As limits count them: all that went in and all that came out."""
        return self.input_tokens + self.output_tokens

    @property
    def used(self) -> Used:
        """What limits count of them."""
        return Used(self.cost_nano, self.tokens, self.counted)

    def plus(self, row: Closed) -> "Amounts":
        """Add what a call used: written out, since it is done for every call."""
        usage = row.usage
        return Amounts(
            self.counted + row.counted,
            self.requests + 1,
            self.estimated + usage.estimated,
            self.input_tokens + usage.total_input_tokens,
            self.cached_input_tokens + usage.cache_read_tokens,
            self.output_tokens + usage.total_output_tokens,
            self.reasoning_tokens + usage.reasoning_tokens,
            self.images + usage.images,
            self.characters + usage.characters,
            self.audio_ms + usage.audio_ms,
            self.cost_nano + row.cost_nano,
        )


class Moment(NamedTuple):
    """What calls of one row of `recent` have in common; `step` is when its 2 s began."""

    step: int
    key: str
    project: str | None
    model: str
    deployment: str | None
    currency: str


NOTHING: Final = Amounts(*[0] * len(Amounts._fields))


@dataclass(slots=True)
class Part:
    """One such document. Without an etag it is not written yet."""

    source: str
    number: int = 1
    etag: str | None = None
    end: int = 0
    """All lines that end at or before this byte are counted, in this part or one before it."""
    ahead: int = 0
    """Of the rows after that byte, how many are counted too: those of a batch that filled a part
    before all of it was counted. The next batch begins with the same rows again."""
    ended: bool = False
    full: bool = False
    folded: bool = False
    written_at: int = 0
    """Unix seconds, by the service's clock."""
    groups: dict[Group, Amounts] = field(default_factory=dict)
    recent: dict[Moment, Used] | None = field(default_factory=dict)
    """None when too many scopes were busy at once: then the whole of the last step of 15 minutes
    stands for its last seconds, which is more than was used."""
    bytes: int = 0
    """How large it is, roughly."""

    @property
    def name(self) -> str:
        """Its name among all parts."""
        return f"{self.source}/{self.number}"

    def following(self) -> "Part":
        """Return the next part, which goes on where this one ends."""
        return Part(self.source, self.number + 1, end=self.end, ahead=self.ahead)

    def add(self, rows: Sequence[Closed], since: float) -> int:
        """Count rows until it is full; return how many. `recent` keeps what is after `since`."""
        known = {name for group in self.groups for name in names_of(group)}
        done = 0
        for row in rows:
            done += 1
            self._count(row, known)
            if self.bytes >= PART_BYTES:
                self.full = True
                break
        self._forget(since)
        return done

    def _count(self, row: Closed, known: set[str]) -> None:
        group = group_of(row)
        before = self.groups.get(group)
        if before is None:
            before = NOTHING
            new = set(names_of(group)) - known
            known |= new
            self.bytes += bytes_of(group) + sum(map(bytes_of_name, new))
        after = self.groups[group] = before.plus(row)
        if self.recent is not None:
            used = Used(row.cost_nano, after.tokens - before.tokens, row.counted)
            _put(self.recent, moment_of(row), used)

    def _forget(self, since: float) -> None:
        """Leave only the last seconds in `recent`, and keep it small.

        Steps are made longer where there are too many; an amount counts at the end of a longer one,
        so that it leaves the window late rather than early.
        """
        if not self.recent:
            return
        newest = max(moment.step for moment in self.recent)
        recent = {moment: used for moment, used in self.recent.items() if moment.step > since}
        width = MINUTE_STEP_S
        while len(recent) > MOST_RECENT and width < RECENT_S:
            width *= 2
            wider: dict[Moment, Used] = {}
            for moment, used in recent.items():
                last = moment.step - moment.step % width + width - MINUTE_STEP_S
                _put(wider, moment._replace(step=min(last, newest)), used)
            recent = wider
        self.recent = recent if len(recent) <= MOST_SCOPES else None


def group_of(row: Closed) -> Group:
    """Return the group that counts a call."""
    at = int(row.at)
    return Group(
        at - at % DAY_STEP_S,
        row.project,
        row.key_id,
        row.model,
        row.deployment,
        str(row.operation),
        str(row.outcome),
        tuple(sorted(set(row.tags))) if row.tags else (),
        row.currency,
    )


def bytes_of(group: Group) -> int:
    """Return how much a row takes, roughly."""
    return 72 + 4 * len(group.tags)


def bytes_of_name(name: str) -> int:
    """Return how much a name takes, roughly."""
    return len(name) + 4


def moment_of(row: Closed) -> Moment:
    """Return the moment that counts a call."""
    at = int(row.at)
    step = at - at % MINUTE_STEP_S
    return Moment(step, row.key_id, row.project, row.model, row.deployment, row.currency)


def _put(into: dict[Moment, Used], moment: Moment, used: Used) -> None:
    into[moment] = into.get(moment, NOTHING_USED).plus(used)


def names_of(group: Group) -> Iterator[str]:
    """Return all that a group names, some of it maybe twice."""
    yield from filter(None, group[1:7])
    yield from group.tags
    yield group.currency
