"""The sources of load, all on one core: wrk, as fast as it goes, and two clients of our own."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import payload, relayed
from bench.processes import pinned

_HERE = Path(__file__).resolve().parent


class LoadError(RuntimeError):
    """The source of load itself failed; the message holds what it printed."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked."""

    url: str
    key: str
    authority: Path | None = None
    model: str = payload.MODEL
    spread: Path | None = None
    """A file of keys and models that requests take turns with (`bench/filled.py`)."""
    different: bool = False
    """Whether no two requests ask the same question, in this run and in any other."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the load has seen. Times are latencies of requests, or delays of paced events."""

    answers: int
    failed: int
    seconds: float
    p50_us: float
    p99_us: float
    events: int = 0
    reason: str = ""


def wrk(target: Target, core: int, *, connections: int, seconds: float, stream: bool) -> Seen:
    """Keep `connections` requests in flight for about `seconds`, rounded to whole ones by wrk."""
    environment = {
        "PATH": os.environ["PATH"],
        "BENCH_BODY": payload.request_body(stream=stream, model=target.model).decode(),
        "BENCH_KEY": target.key,
        "BENCH_STREAM": "1" if stream else "0",
    }
    if target.spread is not None:
        environment["BENCH_SPREAD_FILE"] = str(target.spread)
    if target.different:
        # More than the requests of a run passes before the next one begins.
        environment["BENCH_NUMBER"] = str(time.time_ns() // 1000)
    command = ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s"]
    command += ["-s", str(_HERE / "load.lua"), target.url]
    ran = subprocess.run(
        pinned(core, command), env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise LoadError(f"wrk: {ran.stdout}{ran.stderr}")
    said = json.loads(ran.stdout.splitlines()[-1])
    answered = said["answers"] - said["refused"]
    answers = said["finished"] if stream else answered
    failed = said["refused"] + said["broken"] + (answered - answers)
    translated = target.model in {payload.CLAUDE, payload.GEMINI}
    least = payload.answer_text() if translated else payload.answer_body()
    least_bytes = len(least) * answers
    if not stream and said["bytes"] < least_bytes:
        raise LoadError(f"answers were shorter than the upstream's: {said}")
    return Seen(answers, failed, said["seconds"], said["p50_us"], said["p99_us"])


def relay(target: Target, core: int, ask: relayed.Ask, *, seconds: float) -> Seen:
    """Keep the request in flight on the connections it wants; answers must be as large as they are.

    Its body goes through a file: the environment takes no megabytes.
    """
    with tempfile.NamedTemporaryFile() as body:
        body.write(ask.body)
        body.flush()
        environment = {
            "PATH": os.environ["PATH"],
            "BENCH_BODY_FILE": body.name,
            "BENCH_CONTENT_TYPE": ask.content_type,
            "BENCH_KEY": target.key,
            "BENCH_STREAM": "0",
        }
        url = target.url.replace("chat/completions", ask.path)
        command = ["wrk", "-t1", f"-c{ask.connections}", f"-d{max(1, round(seconds))}s"]
        command += ["--timeout", "20s", "-s", str(_HERE / "load.lua"), url]
        ran = subprocess.run(
            pinned(core, command), env=environment, capture_output=True, text=True, check=False
        )
    if ran.returncode:
        raise LoadError(f"wrk: {ran.stdout}{ran.stderr}")
    said = json.loads(ran.stdout.splitlines()[-1])
    answers = said["answers"] - said["refused"]
    if said["bytes"] < ask.least_bytes * answers:
        raise LoadError(f"answers were shorter than the upstream's: {said}")
    failed = said["refused"] + said["broken"]
    return Seen(answers, failed, said["seconds"], said["p50_us"], said["p99_us"])


def paced_command(
    target: Target, core: int, *, streams: int, rounds: int, pace_ms: int, limit_s: float
) -> list[str]:
    """Build the command line of the paced client."""
    command = [sys.executable, "-m", "bench.paced", "--url", target.url, "--key", target.key]
    command += ["--streams", str(streams), "--rounds", str(rounds), "--pace-ms", str(pace_ms)]
    command += ["--limit-s", str(limit_s), "--model", target.model]
    return pinned(core, command)


def paced(
    target: Target, core: int, *, streams: int, rounds: int, pace_ms: int, limit_s: float = 120.0
) -> Seen:
    """Keep `streams` streams open, each connection asking for `rounds` of them; pace 0 is none."""
    command = paced_command(
        target, core, streams=streams, rounds=rounds, pace_ms=pace_ms, limit_s=limit_s
    )
    ran = subprocess.run(command, cwd=_HERE.parent, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise LoadError(f"paced: {ran.stdout}{ran.stderr}")
    said = json.loads(ran.stdout.splitlines()[-1])
    return Seen(
        said["complete"],
        said["failed"],
        said["seconds"],
        said["delay_p50_us"],
        said["delay_p99_us"],
        said["events"],
        said["reason"],
    )


@dataclass(frozen=True, slots=True)
class Slices:
    """So many requests for one way, then as many for the next; each gets so many slices."""

    connections: int
    requests: int
    count: int


def alternate(
    ways: Sequence[tuple[Target, int]], core: int, slices: Slices
) -> list[list[dict[str, float]]]:
    """Ask models or gateways in turn, each of one process by its id; tell of the slices of each.

    As `bench/alternate.py` says. Any answer that is not as it must be is a LoadError.
    """
    told = [(target.url, target.key, target.model, pid) for target, pid in ways]
    command = [sys.executable, "-m", "bench.alternate", "--ways", json.dumps(told)]
    command += ["--connections", str(slices.connections), "--requests", str(slices.requests)]
    command += ["--slices", str(slices.count)]
    ran = subprocess.run(
        pinned(core, command), cwd=_HERE.parent, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise LoadError(f"alternate: {ran.stdout}{ran.stderr}")
    found: list[list[dict[str, float]]] = json.loads(ran.stdout)
    return found
