"""Whether a request notices ten thousand models and a hundred thousand keys, beside ten and ten.

Both are up at the same time and are measured in turn, the pair within seconds: what the machine
does in a while, it does to both.
"""

import time
from contextlib import ExitStack
from dataclasses import replace

from bench import changing, filled
from bench.filled import Filled
from bench.measuring import measure
from bench.processes import peak_bytes, resident_bytes
from bench.rounds import FAILURES, Rounds
from bench.samples import LARGE, PLAIN, SINGLE, SMALL, STREAM, UNARY, WIDE, Change, Held, Scale
from bench.sites import Running, Stage
from bench.stall import NotMeasuredError

KINDS = (UNARY, SINGLE, STREAM)
_REST_S = 2.0


class ScaleRounds(Rounds):
    """Measures the pair. What fails is said, and ends it."""

    def measured(self) -> Scale | None:
        """Fill two stores, start, load, and change the larger one."""
        few, models, keys = self._plan.few, self._plan.many_models, self._plan.many_keys
        pair = (Filled(SMALL, few, few), Filled(LARGE, models, keys))
        try:
            with ExitStack() as stack:
                stages = [self._stage(gateway) for gateway in pair]
                held = [self._started(stack, stage) for stage in stages]
                wide = self._wide(held[-1][0], stages[-1])
                self._rounds([running for running, _ in held], wide)
                sizes = [
                    replace(found, peak_bytes=peak_bytes(_pid(running))) for running, found in held
                ]
        except FAILURES as error:
            self._fail("large and small registry", error)
            return None
        return Scale(sizes, self._changes(stages[-1]))

    def _changes(self, stage: Stage) -> list[Change]:
        try:
            changes = changing.measured(self._plan, stage.site.folder / "data")
        except NotMeasuredError as error:
            self._fail("changes of the large registry", error)
            return []
        for each in changes:
            self._progress.say(
                f"{stage.gateway.title}: the event loop stood still for {each.model_ms:.1f} ms at"
                f" a change of a model, {each.key_ms:.1f} ms of a key, {each.idle_ms:.1f} ms idle"
            )
        return changes

    def _stage(self, gateway: Filled) -> Stage:
        self._progress.say(f"{gateway.title}: filling the store")
        return Stage(gateway, self._site(f"scale-{gateway.name}"), self._plan.gateway_core)

    def _started(self, stack: ExitStack, stage: Stage) -> tuple[Running, Held]:
        gateway = stage.gateway
        if not isinstance(gateway, Filled):
            raise TypeError("only a filled gateway is large or small")
        seconds: list[float] = []
        for _ in range(self._plan.starts - 1):
            with stage.running() as (_, start_s):
                seconds.append(start_s)
        running, start_s = stack.enter_context(stage.running())
        seconds.append(start_s)
        stage.prove(running)
        time.sleep(_REST_S)
        idle, peak = resident_bytes(_pid(running)), peak_bytes(_pid(running))
        self._progress.say(
            f"{gateway.title}: first 200 after {min(seconds):.2f} s, RSS {idle / 1e6:.0f} MB"
        )
        target = replace(running.target, spread=stage.site.folder / filled.ALIKE)
        found = Held(gateway.name, gateway.models, gateway.keys, seconds, idle, peak)
        return replace(running, target=target), found

    def _rounds(self, pair: list[Running], wide: Running) -> None:
        turns = [(kind, running) for kind in KINDS for running in pair]
        turns.insert(len(pair), (UNARY, wide))
        for kind, running in turns:
            measure(running, kind, (PLAIN, -1), self._plan.warming())
        self._progress.expect(self._plan.rounds * len(turns))
        for turn, (kind, running) in self._in_turn(turns, self._plan.rounds):
            self._keep("scale", self._measured(running, kind, (PLAIN, turn)))

    def _wide(self, large: Running, stage: Stage) -> Running:
        target = replace(large.target, spread=stage.site.folder / filled.WIDE)
        return replace(large, name=WIDE, target=target)


def _pid(running: Running) -> int:
    if running.pid is None:
        raise ValueError("there is no process to measure")
    return running.pid
