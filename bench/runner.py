"""Runs a plan: starts and memory one gateway at a time, then rounds in which all take turns."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import relayed, stall, translated
from bench.filled import OnCosmos
from bench.gateway import Gateway
from bench.measuring import measure
from bench.memory import footprint
from bench.money import MoneyRounds
from bench.observed_figures import Told
from bench.observing import ObservedRounds
from bench.plan import Plan
from bench.progress import Progress
from bench.rounds import FAILURES, Rounds
from bench.routing import RoutingRounds
from bench.samples import (
    PACED,
    PLAIN,
    SINGLE,
    STREAM,
    UNARY,
    Footprint,
    Money,
    Scale,
    Shares,
    Stall,
)
from bench.scale import ScaleRounds
from bench.sites import Running, Stage, Upstreams, direct
from tests.emulator import running as emulator

_KINDS = {
    UNARY: ("unary",),
    SINGLE: ("unary",),
    STREAM: ("stream",),
    PACED: ("paced",),
    relayed.EMBED_ONE: ("embeddings",),
    relayed.EMBED_MANY: ("embeddings",),
    relayed.IMAGE: ("bodies",),
    relayed.EDIT: ("bodies",),
    relayed.SPEECH: ("bodies",),
}
_NOT_RELAYED_BY = frozenset(("sglang", "litellm"))
"""They are not compared where OpenAI's other operations are."""
_TRANSLATED_BY = frozenset(("litellm", "ours"))
_KEEPS_NO_PACE = "litellm"


@dataclass(frozen=True, slots=True)
class _Phase:
    """A set of kinds that are measured on one set-up of the gateways."""

    purpose: str
    transport: str
    kinds: list[str]
    translated: bool = False

    def kinds_of(self, name: str) -> list[str]:
        """Leave out what a gateway is not asked for."""
        if self.translated:
            shapes = translated.SHAPES
            return [
                kind for kind in self.kinds if name != _KEEPS_NO_PACE or shapes[kind].mode != PACED
            ]
        if name in _NOT_RELAYED_BY:
            return [kind for kind in self.kinds if kind not in relayed.ASKS]
        return self.kinds


class Runner(Rounds):
    """Collects samples and footprints. A gateway that fails is left out, and the reason is kept."""

    def __init__(self, plan: Plan, gateways: list[Gateway], found: Upstreams, folder: Path) -> None:
        super().__init__(plan, found, folder, Progress())
        self._gateways = gateways
        self.footprints: list[Footprint] = []
        self.stalls: list[Stall] = []
        self.scale: Scale | None = None
        self.money: Money | None = None
        self.shares: list[Shares] = []
        self.told: dict[str, dict[str, Told]] = {}
        self.no_cosmos = ""

    def run(self) -> None:
        """Everything that the plan asks for."""
        if self._plan.wants("start", "memory", "uploads"):
            for gateway in self._gateways:
                self._footprint(gateway)
        ours = "ours" in self._plan.gateways
        if ours and self._plan.wants("memory", "scale"):
            self._on_cosmos()
        for phase in self._phases():
            self._phase(phase)
        if self._plan.wants("translated"):
            self._stalls()
        if ours:
            self._in_pairs()

    def _in_pairs(self) -> None:
        """Whatever ours is compared with itself in."""
        if self._plan.wants("scale"):
            self._scale()
        if self._plan.wants("money"):
            self._money()
        if self._plan.wants("routing"):
            self._routing()
        if self._plan.wants("observe"):
            self._observe()

    def _phase(self, phase: _Phase) -> None:
        able = [
            gateway
            for gateway in self._gateways
            if not gateway.at_rest and (not phase.translated or gateway.name in _TRANSLATED_BY)
        ]
        quick = [gateway for gateway in able if not gateway.slow]
        self._rounds(phase, quick, self._plan.rounds, slow=False)
        for gateway in able:
            if gateway.slow:
                self._rounds(phase, [gateway], self._plan.slow_rounds, slow=True)

    def _phases(self) -> Iterator[_Phase]:
        kinds = [kind for kind, parts in _KINDS.items() if self._plan.wants(*parts)]
        if kinds:
            for transport in self._plan.transports:
                yield _Phase("rounds", transport, kinds)
        if self._plan.wants("translated"):
            yield _Phase("translated", PLAIN, list(translated.SHAPES), translated=True)

    def _stage(
        self, gateway: Gateway, transport: str, purpose: str, *, both: bool = False
    ) -> Stage:
        site = self._site(f"{gateway.name}-{transport}-{purpose}", transport, translated=both)
        return Stage(gateway, site, self._plan.gateway_core)

    def _footprint(self, gateway: Gateway) -> None:
        try:
            found = footprint(self._stage(gateway, "plain", "start"), self._plan)
        except FAILURES as error:
            self._fail(f"{gateway.title}, start and memory", error)
            return
        self.footprints.append(found)
        streaming = "not measured"
        if found.streaming_bytes:
            streaming = f"{found.streaming_bytes / 1e6:.0f} MB"
        self._progress.say(
            f"{gateway.title}: first 200 after {min(found.starts_s):.2f} s,"
            f" RSS {found.idle_bytes / 1e6:.0f} MB,"
            f" with {found.streams:,} open streams {streaming} {found.note}"
            + (
                f", with uploads {found.uploading_bytes / 1e6:.0f} MB"
                if found.uploading_bytes
                else ""
            )
        )

    def _on_cosmos(self) -> None:
        self.no_cosmos = emulator.missing() or ""
        if self.no_cosmos:
            self._progress.say(f"on Cosmos DB: not measured, {self.no_cosmos}")
            return
        with emulator.emulator() as cosmos:
            self._footprint(OnCosmos(self._plan.other_models, cosmos.url, cosmos.key))

    def _scale(self) -> None:
        rounds = ScaleRounds(self._plan, self._found, self._folder, self._progress)
        self.scale = rounds.measured()
        self._take(rounds)

    def _money(self) -> None:
        rounds = MoneyRounds(self._plan, self._found, self._folder, self._progress)
        self.money = rounds.measured()
        self._take(rounds)

    def _routing(self) -> None:
        rounds = RoutingRounds(self._plan, self._found, self._folder, self._progress)
        self.shares = rounds.measured()
        self._take(rounds)

    def _observe(self) -> None:
        rounds = ObservedRounds(self._plan, self._found, self._folder, self._progress)
        self.told = rounds.measured()
        self._take(rounds)

    def _take(self, rounds: Rounds) -> None:
        self.samples += rounds.samples
        self.failures += rounds.failures

    def _stalls(self) -> None:
        try:
            self.stalls = stall.measured(self._plan)
        except stall.NotMeasuredError as error:
            self._fail("the event loop while LiteLLM is imported", error)
            return
        for found in self.stalls:
            self._progress.say(
                f"LiteLLM imported in {found.import_s:.1f} s: the event loop stood still for"
                f" {found.longest_ms:.0f} ms at most, idle for {found.idle_ms:.0f} ms"
            )

    def _rounds(self, phase: _Phase, gateways: list[Gateway], rounds: int, *, slow: bool) -> None:
        with ExitStack() as stack:
            bare = slow or phase.translated
            field = [] if bare else [direct(self._found, phase.transport)]
            for gateway in gateways:
                field.extend(self._started(stack, gateway, phase))
            self._progress.expect(
                rounds * sum(len(phase.kinds_of(running.name)) for running in field)
            )
            for turn, running in self._in_turn(field, rounds):
                for kind in phase.kinds_of(running.name):
                    self._measure(running, kind, (phase.transport, turn), slow=slow)

    def _started(self, stack: ExitStack, gateway: Gateway, phase: _Phase) -> Iterator[Running]:
        transport = phase.transport
        what = f"{gateway.title}, {transport} upstream"
        try:
            stage = self._stage(gateway, transport, phase.purpose, both=phase.translated)
            running, _ = stack.enter_context(stage.running())
            stage.prove(running)
            for kind in phase.kinds_of(gateway.name):
                measure(running, kind, (transport, -1), self._plan.warming(), slow=gateway.slow)
        except FAILURES as error:
            self._fail(what, error)
            return
        self._progress.say(f"{what}: answers rightly, is warm")
        yield running

    def _measure(self, running: Running, kind: str, place: tuple[str, int], *, slow: bool) -> None:
        transport, turn = place
        try:
            sample = self._measured(running, kind, place, slow=slow)
        except FAILURES as error:
            self._fail(f"{transport} round {turn + 1} {running.name} {kind}", error)
            return
        self._keep(transport, sample)
