"""One measurement, or several at once: load on one side, the gateway's CPU on the other."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench import load, processes, relayed, translated
from bench.machine import core_ticks
from bench.plan import Plan
from bench.processes import TICK_US, cpu_us, threads_us
from bench.samples import PACED, PLAIN, SINGLE, STREAM, Sample
from bench.sites import Running

# Runs of a slow gateway: what is in flight at the end was paid for and not answered, and would be a
# large share of all. So requests run for longer, and streams are counted instead of cut off.
_SLOW_FACTOR = 4
_SLOW_STREAMS_EACH = 2


def _apply_load(running: Running, kind: str, plan: Plan, *, slow: bool) -> load.Seen:
    target, core = running.target, plan.load_core
    ask = relayed.ASKS.get(kind)
    if ask is not None:
        return load.relay(target, core, ask, seconds=plan.seconds)
    shape = translated.SHAPES.get(kind)
    streams = plan.paced_streams
    if shape is not None:
        target, kind, streams = (
            replace(target, model=shape.model),
            shape.mode,
            plan.paced_translated,
        )
    seconds = plan.seconds * (_SLOW_FACTOR if slow else 1)
    if kind == PACED:
        return load.paced(
            running.paced_target or target,
            core,
            streams=streams,
            rounds=1 if slow else plan.paced_rounds,
            pace_ms=plan.pace_ms,
        )
    if kind == STREAM and slow:
        return load.paced(
            target, core, streams=plan.connections, rounds=_SLOW_STREAMS_EACH, pace_ms=0
        )
    if kind == SINGLE:
        return load.wrk(target, core, connections=1, seconds=plan.single_s, stream=False)
    return load.wrk(
        target, core, connections=plan.connections, seconds=seconds, stream=kind == STREAM
    )


def measure(
    running: Running, kind: str, place: tuple[str, int], plan: Plan, *, slow: bool = False
) -> Sample:
    """Load the gateway in one way. `place` is the transport and the round.

    Its CPU is counted until all is done that it does behind the answers.
    """
    busy_before, _ = core_ticks(plan.gateway_core)
    cpu_before = cpu_us(running.pid) if running.pid else 0.0
    threads_before = threads_us(running.pid) if running.pid else 0.0
    began = time.monotonic()
    seen = _apply_load(running, kind, plan, slow=slow)
    running.settle()
    seconds = time.monotonic() - began
    cpu = cpu_us(running.pid) - cpu_before if running.pid else 0.0
    threads = threads_us(running.pid) - threads_before if running.pid else 0.0
    busy_after, _ = core_ticks(plan.gateway_core)
    foreign_us = max(0.0, (busy_after - busy_before) * TICK_US - cpu)
    transport, turn = place
    return Sample(
        gateway=running.name,
        transport=transport,
        kind=kind,
        round=turn,
        answers=seen.answers,
        failed=seen.failed,
        seconds=seen.seconds,
        cpu_us=cpu,
        p50_us=seen.p50_us,
        p99_us=seen.p99_us,
        events=seen.events,
        foreign=foreign_us / 1e6 / seconds,
        reason=seen.reason,
        threads_us=threads,
    )


def alternate(
    field: Sequence[Running], kind: str, turn: int, plan: Plan, slices: load.Slices
) -> Iterator[Sample]:
    """Load models or gateways in slices that take turns; each slice is a sample, and a round.

    `turn` is how often that was done before.
    """
    ways = []
    for running in field:
        if running.pid is None or processes.process_tree(running.pid) != [running.pid]:
            raise load.LoadError("its CPU can be told slice by slice of one process only")
        ways.append((running.target, running.pid))
    pids = {pid for _, pid in ways}
    busy_before, _ = core_ticks(plan.gateway_core)
    cpu_before = sum(map(cpu_us, pids))
    began = time.monotonic()
    found = load.alternate(ways, plan.load_core, slices)
    seconds = time.monotonic() - began
    cpu = sum(map(cpu_us, pids)) - cpu_before
    busy_after, _ = core_ticks(plan.gateway_core)
    foreign_us = max(0.0, (busy_after - busy_before) * TICK_US - cpu)
    for running, of_one in zip(field, found, strict=True):
        for number, seen in enumerate(of_one):
            yield Sample(
                gateway=running.name,
                transport=PLAIN,
                kind=kind,
                round=turn * slices.count + number,
                answers=int(seen["answers"]),
                failed=0,
                seconds=seen["seconds"],
                cpu_us=seen["cpu_us"],
                p50_us=seen["p50_us"],
                p99_us=seen["p99_us"],
                foreign=foreign_us / 1e6 / seconds,
                threads_us=seen["threads_us"],
            )
