"""A desk that shows usage too."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from typing_extensions import override

from llmproxy.application.use_cases.read_usage import OwnUsage, ReadUsage
from llmproxy.infra.controllers.admin.routes import admin_routes
from llmproxy.infra.controllers.admin.usage import usage_routes
from llmproxy.infra.controllers.control_plane import control_plane
from llmproxy.infra.controllers.usage import own_usage_routes
from llmproxy.infra.controllers.visit import CLIENT
from tests.fakes.ledger import FakeLimiter
from tests.fakes.rows import RowsLedger
from tests.unit.infra.admin.asking import ADMIN_KEY, Desk


class Connection:
    """Whether the answer was cut."""

    def __init__(self) -> None:
        self.was_cut = False

    def cut(self) -> None:
        """Cut it."""
        self.was_cut = True


@dataclass
class Exported:
    """What came of a request whose answer comes in pieces; `complete` when it has an end."""

    status: int
    headers: Mapping[str, str]
    pieces: list[bytes]
    complete: bool
    was_cut: bool

    @property
    def text(self) -> str:
        """The whole body."""
        return b"".join(self.pieces).decode()


@dataclass
class UsageDesk(Desk):
    """Over a ledger in memory."""

    ledger: RowsLedger = field(default_factory=RowsLedger)
    limiter: FakeLimiter = field(default_factory=FakeLimiter)

    @override
    def __post_init__(self) -> None:
        super().__post_init__()
        clock = self.office.clock
        reading = ReadUsage(self.ledger)
        own = OwnUsage(self.registry, self.ledger, self.limiter, clock)
        self.app = control_plane(
            [
                own_usage_routes(self.registry, lambda: own),
                *admin_routes(
                    self.registry,
                    self.office.administration,
                    clock,
                    usage_routes(self.registry, lambda: reading, clock),
                ),
            ]
        )

    async def export(
        self, target: str, *, leaves_after: int | None = None, under_our_server: bool = True
    ) -> Exported:
        """Send a request as an administrator, and leave after so many pieces."""
        path, _, query = target.partition("?")
        connection = Connection()
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "client": ("192.0.2.7", 50_000),
            "server": ("192.0.2.1", 8000),
            "headers": [(b"authorization", f"Bearer {ADMIN_KEY}".encode())],
            "extensions": {CLIENT: connection} if under_our_server else {},
        }
        messages: list[Any] = []
        left = asyncio.Event()
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:  # noqa: ANN401
            messages.append(message)
            if leaves_after is not None and len(messages) > leaves_after:
                left.set()
            await asyncio.sleep(0.001)

        with contextlib.suppress(asyncio.CancelledError):
            await self.app(scope, receive, send)
        named = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        pieces = [each["body"] for each in messages[1:]]
        complete = len(messages) > 1 and not messages[-1].get("more_body", False)
        return Exported(messages[0]["status"], named, pieces, complete, connection.was_cut)
