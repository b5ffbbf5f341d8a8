"""What a simulator received, for the test to look at."""

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.answer import Headers
from tests.simulators.frames import Heard
from tests.simulators.http import Request


@dataclass(slots=True)
class RecordedRequest:
    """One request as it arrived, and what became of it. Times are milliseconds after `received_at`
    (epoch seconds).
    """

    method: str
    target: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Headers
    body: bytes
    connection: int  # which client connection of this simulator, from 1
    received_at: float = field(default_factory=time.time)
    status: int | None = None
    fault: str | None = None
    answered_after_ms: float | None = None  # the whole answer was handed to the socket
    disconnected_after_ms: float | None = None  # the client went away before that
    heard: Heard = field(default_factory=Heard)  # of a session
    _started: float = field(default_factory=time.perf_counter, repr=False)

    @classmethod
    def of(cls, request: Request, connection: int) -> "RecordedRequest":
        """The record of a request that has just arrived."""
        return cls(
            request.method,
            request.target,
            request.path,
            request.query,
            request.headers,
            request.body,
            connection,
        )

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since it arrived."""
        return (time.perf_counter() - self._started) * 1000

    @property
    def json(self) -> Any:  # noqa: ANN401 - any JSON value
        """The body, decoded."""
        return json.loads(self.body)

    def wait_until_over(self, seconds: float = 5) -> None:
        """Wait, in the test's thread, until the simulator knows how this request ended.

        A client may have the last byte before the simulator writes down that it sent it. Returns
        when the time is over too; what the test asserts then says what is missing.
        """
        until = time.perf_counter() + seconds
        while time.perf_counter() < until:
            if self.answered_after_ms is not None or self.disconnected_after_ms is not None:
                return
            time.sleep(0.002)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever its case."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def header_values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def as_json(self) -> dict[str, Any]:
        """The record as the control endpoint gives it; a body that is no UTF-8 has `body: null`."""
        try:
            text = self.body.decode()
        except UnicodeDecodeError:
            text = None
        names = (
            "method",
            "target",
            "path",
            "query",
            "headers",
            "connection",
            "received_at",
            "status",
            "fault",
        )
        shown = {name: getattr(self, name) for name in names}
        times = ("answered_after_ms", "disconnected_after_ms")
        return shown | {
            "body": text,
            "body_base64": base64.b64encode(self.body).decode(),
            **{name: getattr(self, name) for name in times},
        }
