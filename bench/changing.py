"""How long the event loop stands still when a large registry changes: `python -m bench.changing`.

Runs the whole gateway but its socket, in an environment that has the server, over the data folder
that `--data-dir` names. A task of the same loop wants a turn every millisecond and notes the
longest time between two of them: first with nothing to do, then while another connection to the
same file changes one model, and while it makes and revokes a key. The process is bound to the
gateway's core.
"""

import argparse
import asyncio
import json
import os
import subprocess
import time
from collections.abc import Awaitable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import uvloop

from bench.gateway import ROOT, UPSTREAM_KEY, programs_environment
from bench.ours import PYTHON
from bench.plan import Plan
from bench.processes import pinned
from bench.samples import Change
from bench.stall import NotMeasuredError, Watch

_SEEN_AFTER_S = 2.5
"""The gateway looks for changes every second, and every half second whether it is time to."""
_LIMIT_S = 180.0


def measured(plan: Plan, data_dir: Path) -> list[Change]:
    """Change it a few times. Raises NotMeasuredError."""
    command = [str(PYTHON), "-m", "bench.changing", "--data-dir", str(data_dir)]
    environment = programs_environment() | {
        "HOME": str(data_dir),
        "LLMPROXY_DATA_DIR": str(data_dir),
        "BENCH_UPSTREAM_KEY": UPSTREAM_KEY,
        "ACCESS_LOG": "off",
    }
    try:
        ran = subprocess.run(
            pinned(plan.gateway_core, [*command, "--times", str(plan.changes)]),
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LIMIT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NotMeasuredError(f"not done in {_LIMIT_S:.0f} s") from error
    if ran.returncode:
        raise NotMeasuredError(ran.stderr[-1000:])
    return [Change(**each) for each in json.loads(ran.stdout.splitlines()[-1])]


async def _longest_ms(doing: Awaitable[object]) -> float:
    watch = Watch()
    await doing
    await asyncio.sleep(_SEEN_AFTER_S)
    return await watch.longest_ms()


async def _changes(data_dir: Path, times: int) -> list[Change]:
    from bench.filling import stored_key  # noqa: PLC0415 - where the server is
    from llmproxy.bootstrap.store import open_sqlite  # noqa: PLC0415

    store = await open_sqlite(data_dir)
    try:
        [stored, *_] = await store.models.load_all()
        found = []
        for number in range(times):
            idle_ms = await _longest_ms(asyncio.sleep(0))
            changed = {**stored.document, "name": f"changed {number}"}
            model_ms = await _longest_ms(store.models.put(changed, at=time.time()))
            key = stored_key(f"sk-llmproxy-changed-{number}", number, time.time())
            made_ms = await _longest_ms(store.keys.add(key))
            revoked_ms = await _longest_ms(store.keys.revoke(key.id, time.time()))
            found.append(Change(idle_ms, model_ms, max(made_ms, revoked_ms)))
        return found
    finally:
        await store.close()


async def _watched(data_dir: Path, times: int) -> list[Change]:
    from llmproxy.app import create_app  # noqa: PLC0415 - not in all places

    said: asyncio.Queue[Any] = asyncio.Queue()
    asked: asyncio.Queue[Any] = asyncio.Queue()
    app = create_app(os.environ)
    scope = {"type": "lifespan", "asgi": {"version": "3.0", "spec_version": "2.0"}, "state": {}}
    running = asyncio.create_task(app(scope, asked.get, said.put))
    await asked.put({"type": "lifespan.startup"})
    started = await said.get()
    if started["type"] != "lifespan.startup.complete":
        raise RuntimeError(f"the gateway did not start: {started}")
    found = await _changes(data_dir, times)
    await asked.put({"type": "lifespan.shutdown"})
    await running
    return found


def main() -> None:
    """Print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--times", type=int, default=3)
    asked = parser.parse_args()
    found = uvloop.run(_watched(asked.data_dir, asked.times))
    print(json.dumps([asdict(each) for each in found]), flush=True)


if __name__ == "__main__":
    main()
