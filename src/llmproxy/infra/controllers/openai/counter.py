"""Counter: hands a checked call to its use case, and the answer to the client.

In one piece, in events, or as bytes that are no events. What comes before, the desk, is in
`json_operation.py`.
"""

import asyncio
import time

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.frames import forget_frames
from llmproxy.infra.controllers.asgi import Headers
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.errors import error_frame, stopping, typed_error_event
from llmproxy.infra.controllers.rate_limits import with_quota
from llmproxy.infra.controllers.visit import Visit

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
TYPE_OF_EVENTS = b"content-type: text/event-stream; charset=utf-8"
EVENTS = (b"cache-control: no-cache", b"x-accel-buffering: no")
UNBUFFERED = (b"x-accel-buffering: no",)
NANO = 1_000_000_000


class Counter:
    """The counter of one endpoint; `ends_with_done` says how its streams of events end."""

    def __init__(self, gateway: Gateway, desk: Desk, *, ends_with_done: bool) -> None:
        self._gateway = gateway
        self._desk = desk
        self._ends_with_done = ends_with_done

    async def answer(self, visit: Visit, call: Call) -> None:
        """Answer in one piece. Raises GatewayError before anything was sent."""
        await self.hand_over(visit, call, await self._gateway.answer(call))

    async def hand_over(self, visit: Visit, call: Call, answered: Whole) -> None:
        """Send an answer in one piece."""
        reply = answered.reply
        spent_s = time.perf_counter() - call.started_at
        headers = [
            *with_quota(reply.headers, answered.quota),
            b"content-length: %d" % len(reply.body),
            *answered.deployment.labels,
            b"x-llmproxy-overhead-ms: %.2f" % ((spent_s - answered.waited_s) * 1000),
            b"x-llmproxy-cost: %d.%09d" % divmod(answered.cost_nano, NANO),
        ]
        await visit.reply(200, headers, reply.body)

    async def stream(self, visit: Visit, call: Call) -> None:
        """Answer in events. Raises GatewayError before anything was sent."""
        await self.relay(visit, await self._gateway.stream(call))

    async def relay(self, visit: Visit, streamed: Live) -> None:
        """Hand a stream of events over to its end. Raises GatewayError before anything was sent."""
        streamed.pulse_every(self._desk.pulse_s)
        try:
            await self._relay(visit, streamed)
        except GatewayError as error:
            if not visit.status:
                raise
            last = self._failed(error, streamed)
            forget_frames(error)  # before the client is waited for, which may have left
            await visit.end(last)
        except asyncio.CancelledError:
            if visit.client_gone or not visit.status:
                raise
            streamed.close()  # first, for the client may not take what is told now
            await visit.end(self._failed(stopping(), streamed))
        else:
            await visit.end(DONE if self._ends_with_done else b"")
        finally:
            streamed.close()

    async def pipe(self, visit: Visit, call: Call) -> None:
        """Answer with bytes as they arrive. Raises GatewayError before anything was sent."""
        await self.relay_bytes(visit, await self._gateway.stream(call))

    async def relay_bytes(self, visit: Visit, streamed: Live) -> None:
        """Hand bytes over to their end. Raises GatewayError before anything was sent.

        Bytes without events cannot tell of a failure: after one, and when the gateway ends, the
        connection is cut in the middle of a chunked body, on which both official SDKs raise.
        """
        try:
            await self._pipe(visit, streamed)
        except GatewayError as error:
            if not visit.status:
                raise
            visit.cut(error)
            forget_frames(error)
        except asyncio.CancelledError:
            if visit.status and not visit.client_gone:
                visit.cut(stopping())
            raise
        else:
            await visit.end(b"")
        finally:
            streamed.close()

    async def _pipe(self, visit: Visit, streamed: Live) -> None:
        while (batch := await streamed.next()) is not None:
            if not batch:
                continue
            if not visit.status:
                await visit.begin(200, _headers(visit, streamed, UNBUFFERED))
            await visit.write(batch)
            await streamed.pour(visit.offer)

    def _failed(self, error: GatewayError, streamed: Live) -> bytes:
        """Return the last event of a stream that broke, on which both official SDKs raise."""
        if self._ends_with_done:
            return error_frame(error) + DONE
        return typed_error_event(error, streamed.passed)

    async def _relay(self, visit: Visit, streamed: Live) -> None:
        """Hand over what arrives.

        Hold the status back until the first content or the desk's limit.
        """
        while (batch := await streamed.next()) is not None:
            if batch:
                if not visit.status:
                    await visit.begin(200, _headers(visit, streamed, EVENTS))
                await visit.write(batch)
                await streamed.pour(visit.offer)
            elif visit.status:
                await visit.write(KEEP_ALIVE)
            elif time.perf_counter() - visit.started_at >= self._desk.hold_status_s:
                await visit.begin(200, _headers(visit, streamed, EVENTS))
                await visit.write(KEEP_ALIVE)
        if not visit.status:
            await visit.begin(200, _headers(visit, streamed, EVENTS))


def _headers(visit: Visit, streamed: Live, own: tuple[bytes, ...]) -> Headers:
    """Return the head of a stream: what is known by now, which its cost is not."""
    headers = [*with_quota(streamed.headers, streamed.quota), *own]
    if own is EVENTS and not any(line.startswith(b"content-type:") for line in streamed.headers):
        headers.append(TYPE_OF_EVENTS)
    if streamed.deployment is not None:
        spent_s = time.perf_counter() - visit.started_at
        headers += streamed.deployment.labels
        headers.append(b"x-llmproxy-overhead-ms: %.2f" % ((spent_s - streamed.waited_s) * 1000))
    return headers
