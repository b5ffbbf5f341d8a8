"""A look at the account that changes nothing of it."""

from typing import Any, Final
from uuid import uuid4

from azure.core.pipeline.transport import AsyncHttpResponse, HttpRequest
from azure.cosmos.aio import ContainerProxy
from typing_extensions import override

from llmproxy.infra.database.cosmos.account import CosmosAccount
from llmproxy.infra.database.cosmos.failures import Collided, Rejected
from llmproxy.infra.database.cosmos.transport import CountingTransport

_DATE: Final = "date"
_FORBIDDEN: Final = frozenset({401, 403})


class DatedTransport(CountingTransport):
    """Remembers the Date of the last answer."""

    def __init__(self) -> None:
        super().__init__()
        self.date: str | None = None

    @override
    async def send(self, request: HttpRequest, **config: Any) -> AsyncHttpResponse:
        response = await super().send(request, **config)
        self.date = response.headers.get(_DATE) or self.date
        return response


async def closed_containers(account: CosmosAccount) -> tuple[str, ...]:
    """Return the names of containers in which this identity may not write. Raises Unavailable.

    An item that nobody has is deleted in each: who may is answered 404, who may not 403, and
    nothing changes.
    """
    closed = []
    for container, _ in account.containers:
        if not await _may_write(account, container):
            closed.append(container.id)
    return tuple(closed)


async def _may_write(account: CosmosAccount, container: ContainerProxy) -> bool:
    nobody = f"doctor-{uuid4().hex}"
    try:
        await account.write(lambda: container.delete_item(nobody, partition_key=nobody))
    except Collided:
        return True
    except Rejected as error:
        if error.status in _FORBIDDEN:
            return False
        raise
    return True
