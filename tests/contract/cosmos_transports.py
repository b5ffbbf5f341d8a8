"""Transports over the emulator: one that dies at a write, and one for transactional batches."""

import json
from collections.abc import Callable
from typing import Any, Self

from azure.core.pipeline.transport import AioHttpTransport, AsyncHttpResponse, HttpRequest
from typing_extensions import override


class Died(BaseException):
    """The process ended here: nobody handles it, as nobody handles `kill -9`."""


class Batching(AioHttpTransport):
    """Names the partition in each operation of a batch.

    @vercel/cosmosdb-server 1.0.1 looks for it there; the service takes it from the header.
    """

    @override
    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        if "x-ms-cosmos-is-batch-request" in request.headers:
            partition = request.headers["x-ms-documentdb-partitionkey"]
            operations = json.loads(request.data)  # type: ignore[arg-type]
            request.set_bytes_body(
                json.dumps([each | {"partitionKey": partition} for each in operations]).encode()
            )
            request.headers["content-length"] = str(len(request.data))  # type: ignore[arg-type]
        return await super().send(request, **config)


class Mortal(Batching):
    """Dies at the write number `dies_at` (from 1), before it or after it was done."""

    def __init__(self, dies_at: int, *, after: bool) -> None:
        super().__init__()
        self.dies_at = dies_at
        self.after = after
        self.writes = 0

    @classmethod
    def immortal(cls) -> Self:
        """Make one that only counts."""
        return cls(0, after=False)

    @override
    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        is_write = _is_write(request)
        self.writes += is_write
        dies = is_write and self.writes == self.dies_at
        if dies and not self.after:
            raise Died
        response = await super().send(request, **config)
        if dies:
            raise Died
        return response


def _is_write(request: HttpRequest) -> bool:
    if "/docs" not in request.url or "x-ms-documentdb-isquery" in request.headers:
        return False
    return request.method in ("POST", "PUT")


Making = Callable[[], AioHttpTransport]
