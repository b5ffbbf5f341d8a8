"""Requests to the control plane without a server: ASGI by hand."""

import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI

from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Auth, Caller, key_digest
from llmproxy.infra.controllers.admin.routes import admin_routes
from llmproxy.infra.controllers.control_plane import control_plane
from tests.fakes.administration import FakeOffice

ADMIN_KEY = "sk-llmproxy-admin"
PLAIN_KEY = "sk-llmproxy-plain"
CALLERS = {
    ADMIN_KEY: Caller("key_admin", None, None, admin=True, expires_at=None),
    PLAIN_KEY: Caller("key_plain", "alpha", None, admin=False, expires_at=None),
}


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The inside of the envelope."""
        error: dict[str, Any] = self.json["error"]
        assert set(error) == {"message", "type", "param", "code"}
        return error


@dataclass
class Desk:
    """An application over repositories in memory; `snapshot` is what the gateway serves."""

    office: FakeOffice = field(default_factory=FakeOffice)
    auth: Auth = Auth.KEYS

    def __post_init__(self) -> None:
        self.registry = Registry(self.office.clock, self.auth)
        self.install()
        self.app: FastAPI = control_plane(
            admin_routes(self.registry, self.office.administration, self.office.clock)
        )

    def install(self, **parts: Any) -> None:  # noqa: ANN401
        """Serve a snapshot with two keys, an admin one and a plain one."""
        keys = {key_digest(key.encode()): caller for key, caller in CALLERS.items()}
        self.registry.install(Snapshot(keys=keys, **parts))

    async def ask(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        key: str | None = ADMIN_KEY,
        **headers: str,
    ) -> Answer:
        """Send one request; `body` goes as JSON unless it is bytes."""
        path, _, query = target.partition("?")
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        if key is not None:
            given["authorization"] = f"Bearer {key}"
        raw = body if isinstance(body, bytes) else b""
        if body is not None and not raw and body != b"":
            raw = json.dumps(body).encode()
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "scheme": "http",
            "client": ("192.0.2.7", 50_000),
            "server": ("192.0.2.1", 8000),
            "state": {},
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        messages: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": raw, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start = messages[0]
        named = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], named, b"".join(m.get("body", b"") for m in messages[1:]))
