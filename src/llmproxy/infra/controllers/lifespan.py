"""The server's start and stop, as ASGI tells the application of them.

By our own hand, since FastAPI answers a start that fails with a traceback; ours has words for it.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.application.life import Life
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.controllers.asgi import Receive, Scope, Send

logger = logging.getLogger("llmproxy")


class StartRefused(Exception):
    """The gateway must not serve like this; the message says what to do."""


class Lifespan:
    """Enters `context` when the server starts and leaves it when it stops.

    `refused` says why it did not start, None when it did or crashed. `life` is told by the server
    that it drains, which ASGI has no word for.
    """

    def __init__(
        self, context: Callable[[], AbstractAsyncContextManager[None]], life: Life
    ) -> None:
        self._context = context
        self.life = life
        self.refused: str | None = None

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the lifespan of one server."""
        await receive()  # lifespan.startup
        context = self._context()
        try:
            await context.__aenter__()
        except (StartRefused, StoreUnusableError) as error:
            self.refused = str(error)
        except Unavailable as error:
            self.refused = f"{error.message} {error.detail}".strip()
        if self.refused is not None:
            for line in self.refused.splitlines():  # a record of the log is one line
                logger.error("%s", line)
            await send({"type": "lifespan.startup.failed", "message": ""})
            return
        await send({"type": "lifespan.startup.complete"})
        await receive()  # lifespan.shutdown
        await context.__aexit__(None, None, None)
        await send({"type": "lifespan.shutdown.complete"})
