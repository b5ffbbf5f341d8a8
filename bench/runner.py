"""Runs a plan: starts and memory one gateway at a time, then rounds in which all take turns."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench import relayed
from bench.checks import WrongAnswerError
from bench.gateways import Gateway, PreparationError
from bench.load import LoadError
from bench.measuring import measure
from bench.memory import footprint
from bench.plan import Plan
from bench.processes import NotStartedError
from bench.progress import Progress
from bench.samples import PACED, SINGLE, STREAM, UNARY, Footprint, Sample
from bench.sites import Running, Stage, Upstreams, direct

_SETTLE_S = 0.3
_FAILURES = (WrongAnswerError, NotStartedError, LoadError, PreparationError)
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


class Runner:
    """Collects samples and footprints. A gateway that fails is left out, and the reason is kept."""

    def __init__(self, plan: Plan, gateways: list[Gateway], found: Upstreams, folder: Path) -> None:
        self._plan = plan
        self._gateways = gateways
        self._found = found
        self._folder = folder
        self._progress = Progress()
        self._kinds = [kind for kind, parts in _KINDS.items() if plan.wants(*parts)]
        self.samples: list[Sample] = []
        self.footprints: list[Footprint] = []
        self.failures: list[str] = []

    def run(self) -> None:
        """Everything that the plan asks for."""
        if self._plan.wants("start", "memory", "uploads"):
            for gateway in self._gateways:
                self._footprint(gateway)
        if not self._kinds:
            return
        for transport in self._plan.transports:
            quick = [gateway for gateway in self._gateways if not gateway.slow]
            self._rounds(quick, transport, self._plan.rounds, slow=False)
            for gateway in self._gateways:
                if gateway.slow:
                    self._rounds([gateway], transport, self._plan.slow_rounds, slow=True)

    def _kinds_of(self, name: str) -> list[str]:
        if name in _NOT_RELAYED_BY:
            return [kind for kind in self._kinds if kind not in relayed.ASKS]
        return self._kinds

    def _stage(self, gateway: Gateway, transport: str, purpose: str) -> Stage:
        folder = self._folder / f"{gateway.name}-{transport}-{purpose}"
        upstream = self._found.urls[transport]
        return Stage(gateway, folder, self._plan, upstream, self._found.authority)

    def _fail(self, what: str, error: Exception) -> None:
        self.failures.append(f"{what}: {error}")
        self._progress.say(f"FAILED {what}: {error}")

    def _footprint(self, gateway: Gateway) -> None:
        try:
            found = footprint(self._stage(gateway, "plain", "start"), self._plan)
        except _FAILURES as error:
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

    def _rounds(self, gateways: list[Gateway], transport: str, rounds: int, *, slow: bool) -> None:
        with ExitStack() as stack:
            field = [] if slow else [direct(self._found, transport)]
            for gateway in gateways:
                field.extend(self._started(stack, gateway, transport))
            self._progress.expect(rounds * len(field) * len(self._kinds))
            for turn in range(rounds):
                # Every second round backwards, so that a drift of the machine favours nobody.
                for running in field if turn % 2 == 0 else field[::-1]:
                    for kind in self._kinds_of(running.name):
                        self._measure(running, kind, (transport, turn), slow=slow)

    def _started(self, stack: ExitStack, gateway: Gateway, transport: str) -> Iterator[Running]:
        what = f"{gateway.title}, {transport} upstream"
        try:
            stage = self._stage(gateway, transport, "rounds")
            running, _ = stack.enter_context(stage.running())
            stage.prove(running)
            for kind in self._kinds_of(gateway.name):
                measure(running, kind, (transport, -1), self._plan.warming(), slow=gateway.slow)
        except _FAILURES as error:
            self._fail(what, error)
            return
        self._progress.say(f"{what}: answers rightly, is warm")
        yield running

    def _measure(self, running: Running, kind: str, place: tuple[str, int], *, slow: bool) -> None:
        transport, turn = place
        what = f"{transport} round {turn + 1} {running.name:<8} {kind:<6}"
        time.sleep(_SETTLE_S)
        try:
            sample = measure(running, kind, place, self._plan, slow=slow)
        except _FAILURES as error:
            self._fail(what, error)
            return
        self.samples.append(sample)
        if sample.failed:
            self.failures.append(f"{what}: {sample.failed} failed {sample.reason}".strip())
        self._progress.step(
            f"{what} {sample.cpu_us_each:9.1f} µs CPU  {sample.per_second:8.0f}/s"
            f"  busy {sample.busy:4.0%}  p50 {sample.p50_us / 1e3:8.3f} ms"
            f"  p99 {sample.p99_us / 1e3:8.3f} ms"
            + (f"  FAILED {sample.failed} {sample.reason}" if sample.failed else "")
        )
