"""The desk of an operation: what it has read before it need not read again."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from llmproxy.application.gateway import Gateway
from llmproxy.domain.caller import key_digest
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.chat_request import chat_request
from llmproxy.infra.controllers.openai.json_operation import JsonOperation, Row
from llmproxy.infra.controllers.visit import Visit
from tests.fakes.upstream import CALLER
from tests.unit.application.replayed.house import open_house
from tests.unit.infra.controllers.calls_in_crowd import crowd

pytestmark = pytest.mark.asyncio
RAW = b'{"model":"mini","messages":[{"role":"user","content":"hi"}]}'
OTHER = RAW.replace(b"hi", b"ho")


class World:
    """One operation on this machine; `read` counts the bodies that its desk has read."""

    def __init__(self) -> None:
        house = open_house()
        snapshot = house.rooms.registry.snapshot
        house.rooms.registry.install(replace(snapshot, keys={key_digest(b"key"): CALLER}))
        self.read = 0
        nowhere: Any = None
        gateway = Gateway(
            house.rooms.registry,
            house.rooms.answer,
            house.rooms.stream,
            nowhere,
            nowhere,
            nowhere,
            house.repeats,
        )
        desk = Desk(crowd(), 1_000_000, 5.0, 5.0, 5.0)
        self._serve = JsonOperation(gateway, desk, Row(Endpoint.CHAT_COMPLETIONS, self._read))
        self._crowd = desk.crowd

    def _read(self, raw: bytes) -> Asked:
        self.read += 1
        return chat_request(raw)

    async def ask(self, raw: bytes) -> str:
        """Return what the head says of the cache."""
        sent: list[Any] = []
        bodies = [raw]

        async def receive() -> Any:  # noqa: ANN401
            if not bodies:
                await asyncio.Event().wait()
            return {"type": "http.request", "body": bodies.pop()}

        async def send(message: Any) -> None:  # noqa: ANN401
            sent.append(message)

        head = [(b"authorization", b"Bearer key"), (b"x-llmproxy-cache", b"on")]
        visit = Visit({"headers": head}, receive, send)
        try:
            await self._serve(visit)
        finally:
            await visit.unfollow()
            self._crowd.leave(visit.held_bytes)
        [status] = [value for name, value in sent[0]["headers"] if name.endswith(b"cache-status")]
        return str(status, "ascii")


async def test_the_same_bytes_are_not_read_again() -> None:
    """Once they were answered with a kept answer; any others are."""
    world = World()
    said = [await world.ask(RAW) for _ in range(4)]
    assert (said, world.read) == (["miss", "hit", "hit", "hit"], 2)
    assert (await world.ask(OTHER), world.read) == ("miss", 3)
