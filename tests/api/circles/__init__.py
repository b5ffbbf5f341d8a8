"""Servers that tell what their requests have left for the garbage collector.

An object in a circle of references outlives its request until the collector's next whole round,
which is minutes away: under a burst of failures whole calls pile up, with their connections. So
requests are to leave none (`domain/frames.py` is one of the places that see to it).
"""

import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.api.asking import within
from tests.api.gateway import Gateway

HOOK: Final = Path(__file__).parent
REPORT: Final = "LLMPROXY_TEST_CIRCLES"
TOLD_S: Final = 10.0


def watched(folder: Path) -> Mapping[str, str]:
    """Settings of a server that `no_circles` looks at; it has one worker."""
    return {"PYTHONPATH": str(HOOK), REPORT: str(folder / "circles.json")}


@contextmanager
def no_circles(gateway: Gateway) -> Iterator[None]:
    """Raise AssertionError when requests of this time left circles behind."""
    report = Path(gateway.environment[REPORT])
    gateway.process.send_signal(signal.SIGUSR1)
    assert within(TOLD_S, report.exists), "the hook was not loaded"
    report.unlink()
    yield
    gateway.process.send_signal(signal.SIGUSR2)
    assert within(TOLD_S, report.exists), "the server does not tell"
    left = json.loads(report.read_text())
    assert not left, f"left for the garbage collector: {left}"
