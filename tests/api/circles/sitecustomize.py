"""Loaded by the server's Python before anything else: it keeps what the collector would free.

SIGUSR1: begin. SIGUSR2: write what was found since, by its kind, and where frames stood.
"""

import gc
import json
import os
import signal
from collections import Counter
from pathlib import Path
from types import FrameType

REPORT = os.environ.get("LLMPROXY_TEST_CIRCLES")


def _begin(_signal: int, _frame: object) -> None:
    gc.collect()
    gc.garbage.clear()
    gc.set_debug(gc.DEBUG_SAVEALL)
    _write({})


def _tell(_signal: int, _frame: object) -> None:
    gc.collect()
    _write(Counter(kind for kind in map(_kind, gc.garbage) if kind))


def _kind(found: object) -> str:
    """Name it, if it is ours or a frame."""
    if isinstance(found, FrameType):
        return f"frame of {found.f_code.co_qualname}"
    kind = type(found)
    return kind.__qualname__ if kind.__module__.startswith("llmproxy.") else ""


def _write(found: dict[str, int]) -> None:
    whole = Path(f"{REPORT}.new")
    whole.write_text(json.dumps(found))
    whole.rename(str(REPORT))


if REPORT:
    signal.signal(signal.SIGUSR1, _begin)
    signal.signal(signal.SIGUSR2, _tell)
