"""What a gateway needs beside the work: time to start, memory idle and with open streams."""

import json
import subprocess
import sys
import time
from pathlib import Path

from bench.load import Target, paced_command
from bench.plan import Plan
from bench.processes import pinned, resident_bytes
from bench.samples import Footprint
from bench.sites import Running, Stage

_ROOT = Path(__file__).resolve().parent.parent
_SETTLE_S = 1.0
_PACE_MS = 200
_LIMIT_S = 90.0
_LOOK_EVERY_S = 0.05


def footprint(stage: Stage, plan: Plan) -> Footprint:
    """Start it several times; measure the memory of the last start. Raises NotStartedError."""
    starts = 1 if stage.gateway.slow else plan.starts
    seconds: list[float] = []
    for _ in range(starts - 1):
        with stage.running() as (_running, start_s):
            seconds.append(start_s)
    with stage.running() as (running, start_s):
        seconds.append(start_s)
        stage.prove(running)
        time.sleep(_SETTLE_S)
        idle_bytes = _resident(running)
        streaming_bytes, note = None, ""
        if plan.wants("memory") and not stage.gateway.at_rest:
            streaming_bytes, note = _with_open_streams(running, plan)
        uploading_bytes = None
        if plan.wants("uploads") and stage.gateway.name == "ours":
            uploading_bytes = _with_uploads(running, plan)
    return Footprint(
        stage.gateway.name,
        seconds,
        idle_bytes,
        streaming_bytes,
        plan.open_streams,
        note,
        uploading_bytes,
    )


def _resident(running: Running) -> int:
    if running.pid is None:
        raise ValueError("there is no process to measure")
    return resident_bytes(running.pid)


def _with_open_streams(running: Running, plan: Plan) -> tuple[int | None, str]:
    client = subprocess.Popen(
        _client(running.target, plan), cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    with client:
        said = client.stdout.readline() if client.stdout else ""
        found, open_now = None, 0
        if said.startswith("open "):
            open_now = int(said.removeprefix("open "))
            time.sleep(_SETTLE_S)
            found = _resident(running)
            said = client.stdout.read() if client.stdout else ""
    seen = json.loads(said.splitlines()[-1])
    if seen["failed"]:
        return None, f"{seen['complete']:,} of {plan.open_streams:,} streams: {seen['reason']}"
    if open_now < plan.open_streams:
        return None, f"only {open_now:,} of {plan.open_streams:,} streams were open at once"
    return found, ""


def _with_uploads(running: Running, plan: Plan) -> int | None:
    """Return the most memory that was seen, None when an upload failed."""
    url = running.target.url.replace("chat/completions", "images/edits")
    command = [sys.executable, "-m", "bench.uploads", "--url", url, "--key", running.target.key]
    command += ["--uploads", str(plan.uploads), "--size", str(plan.upload_bytes)]
    client = subprocess.Popen(
        pinned(plan.load_core, command), cwd=_ROOT, stdout=subprocess.PIPE, text=True
    )
    most = 0
    with client:
        while client.poll() is None:
            most = max(most, _resident(running))
            time.sleep(_LOOK_EVERY_S)
        said = client.stdout.read() if client.stdout else ""
    complete: bool = json.loads(said.splitlines()[-1])["failed"] == 0
    return most if complete else None


def _client(target: Target, plan: Plan) -> list[str]:
    return paced_command(
        target,
        plan.load_core,
        streams=plan.open_streams,
        rounds=1,
        pace_ms=_PACE_MS,
        limit_s=_LIMIT_S,
    )
