"""What it adds to a request that it is counted, logged and traced.

A gateway for each way, all up at the same time, asked in slices that take turns: those that are
compared within fractions of a second. After some slices of each it is looked at whether the
gateways did what they are measured for.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.collector import Taken
from bench.figures import FiguresError, exposition
from bench.gateway import ADMIN_KEY
from bench.load import Slices
from bench.measuring import alternate
from bench.observed import RATIOS, Observed, Promise, Traced, Unobserved
from bench.observed_collector import Collector, collecting
from bench.observed_figures import Told, prove, told_in
from bench.observed_lines import Lines, PipedStage
from bench.plan import Plan
from bench.progress import Progress
from bench.rounds import FAILURES, Rounds
from bench.samples import (
    OBSERVED_TWIN,
    SINGLE,
    TRACED_ALL,
    TRACED_SOME,
    UNARY,
    together,
)
from bench.sites import Running, Upstreams

SLICES = {UNARY: Slices(64, 640, 12), SINGLE: Slices(1, 240, 20)}
"""As in the part `routing`: 15 µs are little. A process that comes after others finds the
processor's caches full of what is theirs, and has to be asked for a while."""
_TIMES = 2


@dataclass(frozen=True, slots=True, eq=False)
class _Turn:
    """Who is measured, what it is to do, and where what it tells arrives."""

    running: Running
    promise: Promise
    lines: Lines
    collector: Collector | None

    def look(self) -> Told:
        """Tell what it has told since it began. Raises FiguresError."""
        taken = Taken() if self.collector is None else self.collector.taken()
        told = told_in(exposition(self.running.target.url, ADMIN_KEY), taken)
        written = self.lines.every
        if self.promise.observed:
            written = self.lines.chats_once(told.requests)
        return replace(told, lines=written)


class ObservedRounds(Rounds):
    """Measures them. What fails is said, and ends it."""

    def __init__(self, plan: Plan, found: Upstreams, folder: Path, progress: Progress) -> None:
        super().__init__(replace(plan, rounds=_TIMES * plan.rounds), found, folder, progress)
        self._told: dict[str, dict[str, Told]] = {}

    def measured(self) -> dict[str, dict[str, Told]]:
        """Start them, load them in turn; return what each has told, by name and kind."""
        try:
            with ExitStack() as stack:
                self._rounds(self._turns(stack))
        except FAILURES as error:
            self._fail("what is observed", error)
        return self._told

    def _turns(self, stack: ExitStack) -> list[_Turn]:
        """Start all; neighbours in the list are measured one after the other."""
        models = self._plan.other_models
        return [
            self._started(stack, Unobserved(models)),
            self._started(stack, Observed(models)),
            self._traced(stack, TRACED_SOME),
            self._started(stack, Observed(models, OBSERVED_TWIN)),
            self._traced(stack, TRACED_ALL),
        ]

    def _traced(self, stack: ExitStack, name: str) -> _Turn:
        log = self._folder / f"collector-{name}.log"
        collector = stack.enter_context(collecting(log, self._plan.load_core))
        gateway = Traced(self._plan.other_models, name, RATIOS[name], collector)
        return self._started(stack, gateway, collector)

    def _started(
        self,
        stack: ExitStack,
        gateway: Observed | Unobserved,
        collector: Collector | None = None,
    ) -> _Turn:
        site = self._site(f"observe-{gateway.name}")
        stage = PipedStage(gateway, site, self._plan.gateway_core)
        running, _ = stack.enter_context(stage.running())
        stage.prove(running)
        self._progress.say(f"{gateway.name}: answers rightly")
        if stage.lines is None:
            raise FiguresError(f"{gateway.name}: nobody reads its lines")
        return _Turn(running, gateway.promise, stage.lines, collector)

    def _rounds(self, turns: list[_Turn]) -> None:
        field = [turn.running for turn in turns]
        for kind, slices in SLICES.items():
            tuple(alternate(field, kind, -1, self._plan, slices))  # to warm up
        self._progress.expect(self._plan.rounds * len(SLICES))
        for number, (kind, slices) in self._in_turn([*SLICES.items()], self._plan.rounds):
            before = _looked(turns)
            found = self._alternated("observe", field, (kind, number), slices)
            for each in field:
                # What comes now and then, as spans that are sent, falls into few of the slices.
                own = [sample for sample in found if sample.gateway == each.name]
                self.samples.append(together(own, number))
            after = _looked(turns)
            answers = slices.requests * slices.count
            for turn in turns:
                told = replace(after[turn] - before[turn], answers=answers)
                self._prove(turn, kind, told)

    def _prove(self, turn: _Turn, kind: str, told: Told) -> None:
        """Whether a gateway did what it is measured for."""
        name = turn.running.name
        prove(name, told, turn.promise)
        of_name = self._told.setdefault(name, {})
        of_name[kind] = of_name.get(kind, Told()) + told


def _looked(turns: list[_Turn]) -> dict[_Turn, Told]:
    """Look at each gateway when all are done with what they do behind the answers."""
    for turn in turns:
        turn.running.settle()
    return {turn: turn.look() for turn in turns}
