"""What a worker knows of a scope that is counted in Redis."""

from typing import Final

from llmproxy.application.interfaces.limiter import Scope, ScopeKind, Told
from llmproxy.domain.limit import DAY_STEP_S, MINUTE_S, MINUTE_STEP_S, SLIDING, Limits, Window
from llmproxy.domain.pricing import NANO
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import PLACE, Amounts
from llmproxy.infra.redis.line import Argument, wired

NEVER: Final = -1
MANY: Final = 100
"""Calls for which there is room where nobody waits for what others give back."""
PLACE_OF_COST: Final = 2
SUMS: Final = {Window.MINUTE: 9, Window.DAY: 17, Window.MONTH: 25, Window.TOTAL: 33}
"""Where the eight numbers of a window stand in the header: lua/scope.lua."""
_FINE_S: Final = MINUTE_S + 2 * MINUTE_STEP_S

Steps = dict[int, list[int]]
"""By the number of a step of 2 s: requests, tokens, nano-units."""


class Tracked:
    """A scope, with what this worker holds and has still to tell.

    `joined` and `telling` are numbers of the seat's generation: the scope may be reserved in while
    `joined` is the present one; what changes is put down to be told while `telling` is, else the
    next joining tells it from the journal. `joins` counts joinings: what was asked before one was
    overwritten by it. `told` is up to which byte of a file Redis knows. `roomy` is whether there
    was room for many more calls like the last one: nobody waits for what calls give back.
    """

    __slots__ = (
        "_bounds",
        "_counts_cost",
        "_foreign",
        "_most_at_once",
        "_plain",
        "_priced",
        "born",
        "currency",
        "given",
        "held",
        "id",
        "joined",
        "joins",
        "kind",
        "last",
        "limits",
        "name",
        "parts",
        "quoted",
        "roomy",
        "rules",
        "served",
        "share",
        "telling",
        "told",
        "touched",
        "used",
    )

    def __init__(self, kind: ScopeKind, name: str, currency: str, born: tuple[str, int]) -> None:
        self.kind = kind
        self.name = name
        self.currency = currency
        self.id = id_of(kind, name, currency)
        self.born = born
        self.limits: Limits | None = None
        self.joined = self.telling = NEVER
        self.joins = 0
        self.served = self.roomy = False
        self.held: Steps = {}
        self.given: Steps = {}
        self.used: dict[str, tuple[int, Steps]] = {}
        self.told: dict[str, int] = {}
        self.last: tuple[list[int], int, float] | None = None
        self.share: ScopeCounters | None = None
        self.touched = 0.0
        self.rules = self.parts = 0
        self.quoted: tuple[tuple[int, int, int, Window], ...] = ()
        self._bounds: tuple[tuple[int, int, int], ...] = ()
        self._most_at_once: int | None = None
        self._plain = self._foreign = self._priced = b""
        self._counts_cost = False

    def adopt(self, limits: Limits) -> None:
        """Let these limits hold from now on."""
        self.limits = limits
        most = limits.concurrent_requests
        rules: list[Argument] = []
        bounds = []
        for index, rule in enumerate(limits.rules):
            place = PLACE[rule.measure]
            whole, nano = divmod(rule.most, NANO) if place == PLACE_OF_COST else (rule.most, 0)
            rules += (place, SUMS[rule.window], whole, nano)
            bounds.append((2 * index, place, whole))
        self._bounds = tuple(bounds)
        self._most_at_once = most
        self.rules = len(limits.rules)
        rest = (-1 if most is None else most, len(limits.rules), *rules)
        self.parts = 2 + len(rest)
        self._plain = wired((self.id, 0, *rest))
        self._foreign = wired((self.id, 0, 0, *rest[1:]))
        self._counts_cost = limits.counts_cost
        self._priced = wired((self.id, 1, *rest))
        self.quoted = tuple(
            [
                (2 * index, PLACE[rule.measure], rule.most, rule.window)
                for index, rule in enumerate(limits.rules)
                if PLACE[rule.measure] < PLACE_OF_COST and rule.window is not Window.TOTAL
            ]
        )

    @property
    def scope(self) -> Scope | None:
        """The scope with its limits, None while they are not known here."""
        return None if self.limits is None else Scope(self.kind, self.name, self.limits)

    def arguments(self, currency: str, cost_nano: int) -> bytes:
        """Return the `parts` that the script needs to know of it, for a call of this cost.

        What costs another currency than is bounded here finds no room.
        """
        if self.currency == currency:
            return self._priced
        return self._foreign if cost_nano and self._counts_cost else self._plain

    def note_room(
        self, numbers: list[int], begin: int, running: int, needed: tuple[int, int, int]
    ) -> None:
        """Note whether there is room for what is `needed` (`needed_for` many more calls).

        `numbers` are those of `reserve.lua`, where this scope's begin.
        """
        most = self._most_at_once
        self.roomy = most is None or most - running >= MANY
        for index, place, whole in self._bounds:
            if whole - numbers[begin + index] < needed[place]:
                self.roomy = False

    def amounts(self, amounts: Amounts, currency: str) -> Amounts:
        """Return what of these amounts counts here: another currency is no money."""
        if self.currency == currency:
            return amounts
        return amounts[0], amounts[1], 0

    def begin_telling(self, generation: int, told: dict[str, int]) -> None:
        """From now on put down what changes; Redis is told of all before, up to these bytes."""
        self.telling = generation
        self.joins += 1
        self.told = told
        self.given, self.used = {}, {}

    def hold(self, step: int, amounts: Amounts) -> None:
        """Note what Redis holds for this worker."""
        _add(self.held, step, amounts)

    def give_back(self, step: int, amounts: Amounts, generation: int) -> None:
        """Note what is held no longer."""
        held = self.held.get(step)
        if held is not None:
            requests, tokens, cost_nano = amounts
            held[0] -= requests
            held[1] -= tokens
            held[2] -= cost_nano
            if held[0] <= 0:
                del self.held[step]
        if self.telling == generation:
            _add(self.given, step, amounts)

    def count(self, place: tuple[str, int], step: int, amounts: Amounts, generation: int) -> None:
        """Note what a call used, whose line ends at this place of the journal."""
        if self.telling == generation:
            file, end = place
            _, steps = self.used.get(file) or (0, {})
            self.used[file] = (end, steps)
            _add(steps, step, amounts)

    @property
    def in_flight(self) -> int:
        """How many calls of this worker hold something here."""
        return sum([amounts[0] for amounts in self.held.values()])

    @property
    def is_idle(self) -> bool:
        """Whether nothing would be lost with it."""
        return not self.held and not self.given and not self.used


def needed_for(each: Amounts) -> tuple[int, int, int]:
    """Return what many more calls of these amounts take: requests, tokens, whole units of money."""
    return MANY, each[1] * MANY, each[2] * MANY // NANO + 1


def _add(steps: Steps, step: int, amounts: Amounts) -> None:
    entry = steps.get(step)
    if entry is None:
        steps[step] = list(amounts)
    else:
        requests, tokens, cost_nano = amounts
        entry[0] += requests
        entry[1] += tokens
        entry[2] += cost_nano


def id_of(kind: ScopeKind, name: str, currency: str) -> str:
    """Return what a scope is called in Redis: counters of two currencies never meet."""
    return f"{kind}:{currency}:{name}"


def step_of(second: float) -> int:
    """Return the number of the step of 2 s."""
    return int(second) // MINUTE_STEP_S


def spread(steps: Steps) -> list[Argument]:
    """Return their number and steps as the scripts read them."""
    found: list[Argument] = [len(steps)]
    for step, (requests, tokens, nano) in steps.items():
        found += (step, requests, tokens, *divmod(nano, NANO))
    return found


def add_line(steps: Steps, line: Told, currency: str, now: float) -> None:
    """Count a line; what no minute knows any more goes to the beginning of its 15 minutes."""
    used = line.used
    cost_nano = used.cost_nano if line.currency == currency else 0
    second = int(line.at)
    if second < now - _FINE_S:
        second -= second % DAY_STEP_S
    _add(steps, step_of(second), (used.requests, used.tokens, cost_nano))


def resets_in(window: Window, now: float, month_ends: float) -> float:
    """Return the seconds until what is counted now has left the window."""
    if window is Window.MONTH:
        return month_ends - now
    step, length = SLIDING[window]
    return (int(now) // step + 1) * step + length - now
