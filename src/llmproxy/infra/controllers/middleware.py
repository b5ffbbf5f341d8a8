"""Door: every HTTP request comes in here, gets its id and its clock, and leaves one access line.

Paths of the data plane are found in a dict and served by plain functions; everything else goes to
the control plane.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.errors import GatewayError, UnknownUrl, UpstreamError, WrongMethod
from llmproxy.domain.frames import forget_frames
from llmproxy.infra.controllers.asgi import Message, Receive, Scope, Send, pair
from llmproxy.infra.controllers.cross_origin import CrossOrigin, OpenVisit
from llmproxy.infra.controllers.errors import ERROR, rendered, stopping, told
from llmproxy.infra.controllers.lifespan import Lifespan
from llmproxy.infra.controllers.openai.left_out import left_out
from llmproxy.infra.controllers.protection import is_administration, protected
from llmproxy.infra.controllers.visit import ClientGone, Visit

logger = logging.getLogger("llmproxy")

Serve = Callable[[Visit], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
VERSION = "/v1/"
CLIENT_CLOSED_REQUEST = 499


class AccessLog(Protocol):
    """Takes one line per request."""

    def write(self, visit: Visit, duration_s: float) -> None:
        """Note that this request has ended."""


class Tracer(Protocol):
    """Follows requests across systems, where somebody asked for that."""

    def begin(self, visit: Visit) -> Trace | None:
        """Return the record of a request that has arrived, None for one that is not followed."""

    def end(self, visit: Visit, ended_at: float) -> None:
        """Take the record of a request that has ended; the time is that of `perf_counter`."""


class Control(NamedTuple):
    """The control plane, and what starts and stops the whole.

    With an `admin_port` its paths under `/admin` are served on that port only.
    """

    plane: Application
    lifespan: Lifespan
    admin_port: int | None = None


class Door:
    """`operations` maps a path to the endpoint of its POST, `sockets` to that of its WebSocket.

    `families` maps the beginning of a path, up to its third slash, to what serves every path and
    method behind it: one more look-up, for requests that are no operation.
    """

    def __init__(
        self,
        operations: Mapping[str, Serve],
        sockets: Mapping[str, Serve],
        families: Mapping[str, Serve],
        control: Control,
        access_log: AccessLog,
    ) -> None:
        self._operations = operations
        self._sockets = sockets
        self._families = families
        self._control_plane = control.plane
        self._admin_port = control.admin_port
        self.lifespan = control.lifespan
        self._access_log = access_log
        self.tracer: Tracer | None = None
        self.visiting: type[Visit] = Visit
        self.cross_origin: CrossOrigin | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] != "http":
            await self.lifespan(scope, receive, send)
            return
        visit = self.visiting(scope, receive, send)
        visit.trace = None if self.tracer is None else self.tracer.begin(visit)
        try:
            await self._serve(visit, scope, receive, send)
        except asyncio.CancelledError:
            await self._cancelled(visit)
        except ClientGone:
            visit.status = CLIENT_CLOSED_REQUEST
        except Exception as error:  # noqa: BLE001 - the outermost place: all must become an answer
            await fail(visit, error)
        finally:
            if visit.crowd is not None:
                visit.crowd.leave(visit.held_bytes)
            if visit.watcher is not None:
                await visit.unfollow()
            ended_at = time.perf_counter()
            self._access_log.write(visit, ended_at - visit.started_at)
            if visit.trace is not None and self.tracer is not None:
                self.tracer.end(visit, ended_at)

    @staticmethod
    async def _cancelled(visit: Visit) -> None:
        """End a request that was cancelled: its client left, or the gateway ends."""
        if visit.client_gone:
            visit.status = visit.status or CLIENT_CLOSED_REQUEST
        elif visit.status:
            raise asyncio.CancelledError  # of what has begun only the rest of its body is missing
        else:
            await fail(visit, stopping())

    async def _serve(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        if self.cross_origin is not None and await self.cross_origin.answered(visit):
            return
        path = scope["path"]
        endpoint = self._operations.get(path)
        if endpoint is None:
            family = self._families.get(path[: path.find("/", len(VERSION)) + 1])
            if family is not None:
                await family(visit)
                return
            await self._serve_other(visit, scope, receive, send)
        elif scope["method"] == "POST":
            await endpoint(visit)
        else:
            raise _not_this(scope["method"], scope["path"])

    async def _serve_other(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        socket = self._sockets.get(scope["path"])
        if socket is None:
            await self._control(visit, scope, receive, send)
        elif scope["method"] == "GET":
            await socket(visit)
        else:
            raise WrongMethod(f"{scope['method']} is not supported here.", allowed="GET")

    async def _control(self, visit: Visit, scope: Scope, receive: Receive, send: Send) -> None:
        if self._admin_port is not None and is_administration(scope["path"]):
            server = scope.get("server")
            if server is None or server[1] != self._admin_port:
                raise UnknownUrl(f"Invalid URL ({scope['method']} {scope['path'][:200]}).")

        further = visit.further if isinstance(visit, OpenVisit) else ()

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                message["headers"] = [
                    *protected(message.get("headers", ()), scope),
                    (b"x-request-id", visit.request_id.encode("ascii")),
                    *map(pair, further),
                ]
            await send(message)

        # A dictionary of this request's own: the server gives the same one to all.
        state = scope["state"] = {**scope.get("state", {}), "request_id": visit.request_id}
        try:
            await self._control_plane(scope, receive, stamped)
        finally:
            visit.error = state.get(ERROR)


def _not_this(method: str, path: str) -> GatewayError:
    wrong = WrongMethod(f"{method} is not supported here.", allowed="POST")
    return left_out(method, path) or wrong


async def fail(visit: Visit, error: Exception) -> None:
    """Answer with an error, or close a body that had begun so that it cannot look complete."""
    visit.error = error.code if isinstance(error, GatewayError) else "internal_error"
    if not isinstance(error, GatewayError):
        logger.error("%s crashed", visit.request_id, exc_info=error)
    elif isinstance(error, UpstreamError):
        logger.warning("%s %.100s: %s", visit.request_id, error.code, told(error))
    if visit.status:
        raise error
    status, headers, body = rendered(error)
    forget_frames(error)  # before the client is waited for, which may have left
    lines = [b"%b: %b" % header for header in headers]
    await visit.reply(status, lines, b"" if visit.scope["method"] == "HEAD" else body)
