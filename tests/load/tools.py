"""Locust, wrk and ab, each run to its end against one address; what they say, in one shape."""

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from csv import DictReader
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.load import asks

ROOT = Path(__file__).parents[2]
EVENT = "EVENT"
"""The kind of the rows that tell of a part of a call, not of one more call."""
PATIENCE_S = 90.0
"""How long after its time a run may take to end: calls that have begun are waited for."""
PACKAGES = {"wrk": "wrk", "ab": "apache2-utils"}
_AB = {
    "calls": re.compile(r"^Complete requests:\s+(\d+)", re.MULTILINE),
    "failed": re.compile(r"^Failed requests:\s+(\d+)", re.MULTILINE),
    "seconds": re.compile(r"^Time taken for tests:\s+([\d.]+)", re.MULTILINE),
}
_AB_STATUS = re.compile(r"^Non-2xx responses:\s+(\d+)", re.MULTILINE)
_AB_SHARE = re.compile(r"^\s+(50|95|99)%\s+(\d+)", re.MULTILINE)


class ToolError(RuntimeError):
    """A tool is missing or ended badly; the message is for people."""


class Row(NamedTuple):
    """One kind of calls; times in milliseconds. `event`: a part of a call, not one more."""

    name: str
    calls: int
    failures: int
    seconds: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    event: bool = False


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done. `rate` is of all users together, in calls a second; 0: no pause."""

    url: str
    key: str
    users: int
    seconds: float
    rate: float = 0.0
    calls: int = 1000


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool saw, the processor time that it took itself, and its words on what was wrong.

    `good`: no call failed, or no more than its objectives allow, and none of them was missed.
    """

    rows: Sequence[Row]
    cpu_s: float
    took_s: float
    good: bool
    said: str = ""


class _Ended(NamedTuple):
    """How a program ended."""

    code: int
    said: str
    took_s: float
    cpu_s: float


def locust(order: Order, folder: Path, options: Sequence[str] = ()) -> Outcome:
    """All kinds of users."""
    found = folder / "locust"
    words = [sys.executable, "-m", "locust", "-f", str(ROOT / "tests/locustfile.py"), "--headless"]
    words += ["--host", order.url, "--users", str(order.users), "--spawn-rate", str(order.users)]
    words += ["--run-time", f"{max(1, round(order.seconds))}s", "--stop-timeout", "60"]
    words += [
        "--json-file",
        str(found),
        "--csv",
        str(found),
        "--only-summary",
        "--loglevel",
        "ERROR",
        *options,
    ]
    more = {"LOAD_RATE_PER_USER": f"{order.rate / order.users:.6f}"}
    # It writes the rows also where calls failed or an objective was missed: its exit code 1.
    ended = _run(words, order, more, good=(0, 1))
    rows = [_row_of_locust(each) for each in json.loads(found.with_suffix(".json").read_text())]
    with (folder / "locust_failures.csv").open(newline="") as failures:
        told = [
            f"{row['Occurrences']} of {row['Name']}: {row['Error']}" for row in DictReader(failures)
        ]
    rows.sort(key=lambda row: row.name)
    said = "\n".join([*told, ended.said]).strip()
    return Outcome(rows, ended.cpu_s, ended.took_s, ended.code == 0, said)


def wrk(order: Order, folder: Path, _: Sequence[str] = ()) -> Outcome:
    """Chat completions as fast as they are answered, over connections that stay."""
    words = [_program("wrk"), "-t1", f"-c{order.users}", f"-d{max(1, round(order.seconds))}s"]
    words += ["-s", str(ROOT / "tests/load/chat.lua"), order.url + asks.CHATS]
    more = {"LOAD_BODY": str(_body(folder))}
    ended = _run(words, order, more)
    row = Row("chat", **json.loads(ended.said.splitlines()[-1]))
    return Outcome([row], ended.cpu_s, ended.took_s, not row.failures)


def ab(order: Order, folder: Path, _: Sequence[str] = ()) -> Outcome:
    """So many chat completions, each over a connection of its own."""
    # -l: answers of a model differ in length, which ab would call a failure.
    words = [_program("ab"), "-l", "-q", "-n", str(order.calls), "-c", str(order.users)]
    words += ["-p", str(_body(folder)), "-T", "application/json"]
    if order.key:
        words += ["-H", f"Authorization: Bearer {order.key}"]
    ended = _run([*words, order.url + asks.CHATS], order, {})
    row = row_of_ab(ended.said)
    return Outcome([row], ended.cpu_s, ended.took_s, not row.failures)


def row_of_ab(said: str) -> Row:
    """Read what ab prints. Raises ToolError where it is something else."""
    found = {name: pattern.search(said) for name, pattern in _AB.items()}
    missing = [name for name, match in found.items() if match is None]
    shares = {int(share): float(ms) for share, ms in _AB_SHARE.findall(said)}
    if missing or set(shares) != {50, 95, 99}:
        raise ToolError(f"ab says nothing of {', '.join(missing) or 'percentiles'}:\n{said}")
    figures = {name: float(match[1]) for name, match in found.items() if match is not None}
    status = _AB_STATUS.search(said)
    failures = int(figures["failed"]) + (int(status[1]) if status else 0)
    calls = int(figures["calls"])
    return Row("chat", calls, failures, figures["seconds"], shares[50], shares[95], shares[99])


def percentile(times: Mapping[int, int], share: float) -> float:
    """Of locust's counts by milliseconds, as it reckons; it rounds times to two digits."""
    left = sum(times.values())
    faster = int(left * share)
    for took_ms in sorted(times, reverse=True):
        left -= times[took_ms]
        if left <= faster:
            return float(took_ms)
    return 0.0


def _row_of_locust(said: Mapping[str, Any]) -> Row:
    times = {int(float(took_ms)): count for took_ms, count in said["response_times"].items()}
    seconds = (said["last_request_timestamp"] or 0) - said["start_time"]
    shares = [percentile(times, share) for share in (0.5, 0.95, 0.99)]
    calls, failures = said["num_requests"], said["num_failures"]
    return Row(said["name"], calls, failures, seconds, *shares, event=said["method"] == EVENT)


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ToolError(f"{name} is not here; Debian has it in the package {PACKAGES[name]}")
    return found


def _body(folder: Path) -> Path:
    path = folder / "request.json"
    path.write_bytes(asks.chat().body)
    return path


def _run(
    words: Sequence[str], order: Order, more: Mapping[str, str], good: Sequence[int] = (0,)
) -> _Ended:
    """Run a program to its end. Raises ToolError."""
    began, used_s = time.monotonic(), _children_s()
    try:
        done = subprocess.run(
            words,
            cwd=ROOT,
            env={**os.environ, "LLMPROXY_KEY": order.key, **more},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=order.seconds + PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{Path(words[0]).name} did not end: {error.output!r}") from error
    if done.returncode not in good:
        raise ToolError(f"{Path(words[0]).name} ended with {done.returncode}:\n{done.stdout}")
    took_s, cpu_s = time.monotonic() - began, _children_s() - used_s
    return _Ended(done.returncode, done.stdout, took_s, cpu_s)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
