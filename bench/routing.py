"""What it adds to a request that its model has eight deployments instead of one.

One gateway has all models; who is asked is all that differs. They are asked in slices that take
turns, those that are compared within a fraction of a second.
"""

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench import checks
from bench.checks import WrongAnswerError
from bench.figures import deployments
from bench.gateway import ADMIN_KEY
from bench.load import Slices
from bench.measuring import alternate
from bench.plan import Plan
from bench.progress import Progress
from bench.rounds import FAILURES, Rounds
from bench.routed import MODELS, Model, Routed
from bench.samples import (
    ALONE,
    BESIDE_DOWN,
    DOWN,
    LATENCY,
    ONCE_MORE,
    OUTSTANDING,
    SINGLE,
    UNARY,
    WEIGHTED,
    Shares,
)
from bench.sites import Running, Stage, Upstreams

WELL = {
    WEIGHTED: WEIGHTED,
    ALONE: ALONE,
    ONCE_MORE: ALONE,
    OUTSTANDING: OUTSTANDING,
    LATENCY: LATENCY,
}
ILL = {BESIDE_DOWN: ALONE, DOWN: DOWN}
"""Names of measurements, and the models that are asked. Neighbours are measured in succession."""
SLICES = {UNARY: Slices(64, 640, 10), SINGLE: Slices(1, 240, 20)}
"""About a tenth of a second. 10 µs are less than what two long runs differ by, and what the
machine's speed changes by meanwhile is more: the median of many short pairs is that of neither.

They are not shorter, since calls are counted and logged 64 in a row: what is left of them falls
into the next one's slice.

None waits for the ledger: it is that of one gateway, whoever is asked, and its work falls on all.
"""
_TIMES = 6
_ASTRAY = 0.01
"""How far a share may be from the weight's: turns are exact, but they were taken at any place."""


class RoutingRounds(Rounds):
    """Measures them. What fails is said, and ends it."""

    def __init__(self, plan: Plan, found: Upstreams, folder: Path, progress: Progress) -> None:
        super().__init__(replace(plan, rounds=_TIMES * plan.rounds), found, folder, progress)

    def measured(self) -> list[Shares]:
        """Start the gateway, load it model by model, and tell how the calls were spread."""
        shares: dict[str, Shares] = {}
        try:
            with ExitStack() as stack:
                gateway = Routed(self._plan.other_models)
                stage = Stage(gateway, self._site("routing"), self._plan.gateway_core)
                running, _ = stack.enter_context(stage.running())
                stage.prove(running)
                # The one that is down last: until it was asked, no deployment is unwell.
                for asked in (WELL, ILL):
                    self._rounds([_asking(running, *each) for each in asked.items()])
                    for model in asked.values():
                        shares[model] = self._shares(running, MODELS[model])
        except FAILURES as error:
            self._fail("routing", error)
        return list(shares.values())

    def _rounds(self, field: list[Running]) -> None:
        for each in field:
            target = each.target
            checks.check(
                target.url, target.key, same_bytes=True, knows_keys=True, model=target.model
            )
            self._progress.say(f"{each.name}: answers rightly")
        for kind, slices in SLICES.items():
            tuple(alternate(field, kind, -1, self._plan, slices))  # to warm up
        self._progress.expect(self._plan.rounds * len(SLICES))
        for turn, (kind, slices) in self._in_turn([*SLICES.items()], self._plan.rounds):
            self.samples += self._alternated("routing", field, (kind, turn), slices)

    def _shares(self, running: Running, model: Model) -> Shares:
        rows = deployments(running.target.url, ADMIN_KEY, model.name)
        answers = [int(rows[identifier]["answers"]) for identifier in model.ids()]
        opened = [bool(rows[identifier]["openings"]) for identifier in model.ids()]
        prove_spread(model, answers, opened)
        return Shares(model.name, model.weights, answers)


def prove_spread(model: Model, answers: list[int], opened: list[bool]) -> None:
    """Whether its calls went where they had to. Raises WrongAnswerError."""
    told = f"{model.name}: answers {answers}, breakers that opened {opened}"
    down = [place < model.down for place in range(len(model.weights))]
    if opened != down:
        raise WrongAnswerError(f"{told}; out of reach were {down}")
    if [not count for count in answers] != down:
        raise WrongAnswerError(f"{told}: another share was to be none")
    if model.strategy == "weighted" and not model.down:
        total = sum(answers)
        for count, weight in zip(answers, model.weights, strict=True):
            if abs(count / total - weight / sum(model.weights)) > _ASTRAY:
                raise WrongAnswerError(f"{told}: not by the weights {model.weights}")


def _asking(running: Running, name: str, model: str) -> Running:
    return Running(name, replace(running.target, model=model), running.pid)
