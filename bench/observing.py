"""What it adds to a request that it is counted, logged and traced.

A gateway for each way, all up at the same time and measured in turn, those that are compared within
seconds. After each measurement it is looked at whether the gateway did what it is measured for.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.collector import Taken
from bench.figures import FiguresError, exposition
from bench.gateway import ADMIN_KEY
from bench.measuring import measure
from bench.observed import RATIOS, Observed, Promise, Traced, Unobserved
from bench.observed_collector import Collector, collecting
from bench.observed_figures import Told, prove, told_in
from bench.observed_lines import Lines, PipedStage
from bench.plan import Plan
from bench.progress import Progress
from bench.rounds import FAILURES, Rounds
from bench.samples import (
    OBSERVED_AGAIN,
    OBSERVED_TWIN,
    PLAIN,
    SINGLE,
    TRACED_ALL,
    TRACED_SOME,
    UNARY,
    Sample,
)
from bench.sites import Running, Upstreams

KINDS = (UNARY, SINGLE)
_TIMES, _SECONDS = 4, 1.0
"""Short runs in more rounds, as in the part `routing`: 15 µs are little."""


@dataclass(frozen=True, slots=True)
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
        short = replace(plan, rounds=_TIMES * plan.rounds, seconds=_SECONDS, single_s=_SECONDS)
        super().__init__(short, found, folder, progress)
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
        observed = self._started(stack, Observed(models))
        again = replace(observed, running=replace(observed.running, name=OBSERVED_AGAIN))
        return [
            self._started(stack, Unobserved(models)),
            observed,
            self._traced(stack, TRACED_SOME),
            again,
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
        order = [(kind, turn) for kind in KINDS for turn in turns]
        for kind, turn in order:
            measure(turn.running, kind, (PLAIN, -1), self._plan.warming())
        self._progress.expect(self._plan.rounds * len(order))
        for number, (kind, turn) in self._in_turn(order, self._plan.rounds):
            sample = self._sample(kind, turn, number)
            self._keep("observe", sample, f", {sample.threads_us_each:5.1f} of it in threads")

    def _sample(self, kind: str, turn: _Turn, number: int) -> Sample:
        before = turn.look()
        sample = self._measured(turn.running, kind, (PLAIN, number))
        told = replace(turn.look() - before, answers=sample.answers)
        prove(sample.gateway, told, turn.promise)
        of_name = self._told.setdefault(sample.gateway, {})
        of_name[kind] = of_name.get(kind, Told()) + told
        return sample
