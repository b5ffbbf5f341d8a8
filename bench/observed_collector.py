"""The collectors of a run: started on the load's core, asked what has come, waited for."""

import http.client
import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.collector import COUNTS, Taken
from bench.figures import FiguresError
from bench.gateway import ROOT, programs_environment
from bench.processes import NotStartedError, start, stop

_START_S = 10.0
_QUIET_S = 1.2
"""Longer than ended requests and spans wait until the gateway looks at them: together 0.75 s."""
_LOOK_EVERY_S = 0.1
_LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Collector:
    """One that takes what it is sent."""

    port: int

    @property
    def url(self) -> str:
        """What OTEL_EXPORTER_OTLP_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def taken(self) -> Taken:
        """Tell what has come so far. Raises FiguresError."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        try:
            connection.request("GET", COUNTS.decode())
            return Taken(**json.loads(connection.getresponse().read()))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise FiguresError(f"the collector: {error!r}") from error
        finally:
            connection.close()

    def wait_until_quiet(self) -> None:
        """Wait until no span has come for a while, which costs the gateway nothing.

        Raises FiguresError where they do not cease.
        """
        limit = time.monotonic() + _LIMIT_S
        spans, since = self.taken().spans, time.monotonic()
        while time.monotonic() - since < _QUIET_S:
            if time.monotonic() > limit:
                raise FiguresError(f"spans still come after {_LIMIT_S:.0f} s")
            time.sleep(_LOOK_EVERY_S)
            if (now := self.taken().spans) != spans:
                spans, since = now, time.monotonic()


@contextmanager
def collecting(log: Path, core: int) -> Iterator[Collector]:
    """Start one, and stop it in the end. Raises NotStartedError."""
    started = start(
        [sys.executable, "-m", "bench.collector"],
        core=core,
        log=log,
        environment=programs_environment() | {"PYTHONPATH": str(ROOT)},
    )
    try:
        limit = time.monotonic() + _START_S
        while not (said := log.read_text()).endswith("}\n"):
            if started.process.poll() is not None or time.monotonic() > limit:
                raise NotStartedError(f"the collector: {started.log_end()}")
            time.sleep(0.02)
        yield Collector(json.loads(said)["port"])
    finally:
        stop(started)
