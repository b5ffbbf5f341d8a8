"""How long the event loop stands still while LiteLLM is imported: `python -m bench.stall`.

Runs the gateway's own loader (`long_tail/loading.py`) in an environment that has the server and
LiteLLM. A task of the same loop sleeps a millisecond at a time and notes the longest time between
two of its turns, first with nothing else to do, then until a model is prepared. The process is
bound to the gateway's core, so that the thread that imports and the loop share it: the worst case.
"""

import asyncio
import contextlib
import json
import subprocess
import time

import uvloop

from bench.gateway import ROOT, programs_environment
from bench.plan import Plan
from bench.processes import pinned
from bench.samples import Stall

PYTHON = ROOT / ".environments" / "litellm" / "bin" / "python"
_MODEL = "mistral/mistral-large-latest"
_TICK_S = 0.001
_IDLE_S = 1.0
_LIMIT_S = 120.0


class NotMeasuredError(RuntimeError):
    """LiteLLM could not be imported; the message says why."""


def measured(plan: Plan) -> list[Stall]:
    """Import it in processes of their own, one after another. Raises NotMeasuredError."""
    if not PYTHON.exists():
        raise NotMeasuredError(f"{PYTHON.relative_to(ROOT)} is not there")
    return [_measured_once(plan.gateway_core) for _ in range(plan.imports)]


def _measured_once(core: int) -> Stall:
    ran = subprocess.run(
        pinned(core, [str(PYTHON), "-m", "bench.stall"]),
        cwd=ROOT,
        env=programs_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise NotMeasuredError(ran.stderr[-1000:])
    return Stall(**json.loads(ran.stdout.splitlines()[-1]))


class Watch:
    """Notes the longest time between two turns of a task."""

    def __init__(self) -> None:
        self._task = asyncio.create_task(self._tick())
        self._last = time.monotonic()
        self._longest_s = 0.0

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            self._longest_s = max(self._longest_s, now - self._last)
            self._last = now

    async def longest_ms(self) -> float:
        """End the watch."""
        await asyncio.sleep(10 * _TICK_S)
        self._task.cancel()
        return (self._longest_s - _TICK_S) * 1e3


async def _watched() -> Stall:
    from llmproxy.infra.providers.long_tail.entry import warmed  # noqa: PLC0415 - not in all places
    from llmproxy.infra.providers.long_tail.loading import Loader  # noqa: PLC0415
    from llmproxy.infra.providers.openai_wire.endpoints import Incomplete  # noqa: PLC0415

    watch = Watch()
    await asyncio.sleep(_IDLE_S)
    idle_ms = await watch.longest_ms()
    loader = Loader(warmed, lambda: None)
    watch = Watch()
    began = time.monotonic()
    with contextlib.suppress(Incomplete):
        loader.prepared(_MODEL)
    await asyncio.wait_for(loader.settled(), _LIMIT_S)
    seconds = time.monotonic() - began
    longest_ms = await watch.longest_ms()
    loader.prepared(_MODEL)  # raises what kept it from being prepared
    return Stall(longest_ms=longest_ms, idle_ms=idle_ms, import_s=seconds)


def main() -> None:
    """Print one JSON line."""
    found = uvloop.run(_watched())
    print(json.dumps({name: getattr(found, name) for name in found.__slots__}), flush=True)


if __name__ == "__main__":
    main()
