"""A list that is sent piece by piece, and that cannot look complete when it is not."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

from fastapi.responses import Response
from starlette.types import Receive, Scope, Send
from typing_extensions import override

from llmproxy.domain.errors import GatewayError
from llmproxy.infra.controllers.visit import CLIENT

logger = logging.getLogger("llmproxy")


class Export(Response):
    """An answer of pieces that are made one after the other, as fast as the client takes them.

    When one cannot be made, the connection is cut in the middle of a chunked body, which every
    client of HTTP tells from an end (RFC 9112, 8). Once the client has left, no more are made.
    """

    def __init__(
        self, pieces: AsyncIterator[bytes], media_type: str, headers: Mapping[str, str]
    ) -> None:
        super().__init__(None, media_type=media_type, headers=headers)
        del self.headers["content-length"]
        self._pieces = pieces

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(
            {"type": "http.response.start", "status": 200, "headers": list(self.raw_headers)}
        )
        leaving = asyncio.create_task(_left(receive))
        try:
            async for piece in self._pieces:
                if leaving.done():
                    return
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except GatewayError as error:
            client = scope.get("extensions", {}).get(CLIENT)
            if client is None:
                raise
            logger.warning("an export of usage was cut: %s %s", error, error.detail)
            client.cut()
            return
        finally:
            leaving.cancel()
            with suppress(asyncio.CancelledError):
                await leaving
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
