"""POST operations with a JSON body: the desk before the gate, and the counter behind the road.

What differs between them is a `Row`; the rows are in `operations.py`.
"""

import time
from collections.abc import Callable
from typing import NamedTuple

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.use_cases.stream import Streamed
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.errors import error_frame, typed_error_event
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.visit import Headers, Visit

DONE = b"data: [DONE]\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
NANO = 1_000_000_000


class Row(NamedTuple):
    """An endpoint, what its desk makes of a body, and whether its streams end with `[DONE]`.

    Streams that do not are of typed events, `{"type": …}`.
    """

    endpoint: Endpoint
    read: Callable[[bytes], Asked]
    ends_with_done: bool = False


class JsonOperation:
    """One endpoint; `desk` holds the settings that every operation shares."""

    def __init__(self, gateway: Gateway, desk: Desk, row: Row) -> None:
        self._gateway = gateway
        self._desk = desk
        self._row = row
        self._operation = OPERATION_OF[row.endpoint]

    async def __call__(self, visit: Visit) -> None:
        """Serve one request. Raises GatewayError before anything was sent."""
        desk = self._desk
        row = self._row
        caller = self._gateway.registry.authenticate(visit.key, visit.is_local)
        raw = await visit.body(max_bytes=desk.max_body_bytes, silence_s=desk.body_timeout_s)
        asked = row.read(raw)
        model = visit.subject = asked.model or self._gateway.registry.only_model(
            caller, self._operation
        )
        call = Call(
            request_id=visit.request_id,
            caller=caller,
            endpoint=row.endpoint,
            operation=self._operation,
            model=model,
            body=asked.body,
            prompt_bytes=len(raw),
            max_output_tokens=asked.max_output_tokens,
            choices=asked.choices,
            stream=asked.stream,
            silence_s=desk.silence_s(visit),
            started_at=visit.started_at,
        )
        visit.follow_client()
        if call.stream:
            await self._stream(visit, call)
        else:
            await self._answer(visit, call)

    async def _answer(self, visit: Visit, call: Call) -> None:
        answered = await self._gateway.answer(call)
        reply = answered.reply
        headers = reply.headers
        headers.append((b"content-length", b"%d" % len(reply.body)))
        _name_route(headers, answered.deployment)
        spent_s = time.perf_counter() - call.started_at
        headers.append(
            (b"x-llmproxy-overhead-ms", b"%.2f" % ((spent_s - answered.waited_s) * 1000))
        )
        headers.append((b"x-llmproxy-cost", b"%.9f" % (answered.cost_nano / NANO)))
        await visit.reply(200, headers, reply.body)

    async def _stream(self, visit: Visit, call: Call) -> None:
        streamed = await self._gateway.stream(call)
        streamed.pulse_every(self._desk.pulse_s)
        try:
            await self._relay(visit, streamed)
        except GatewayError as error:
            if not visit.status:
                raise
            await visit.end(self._failed(error, streamed))
        else:
            await visit.end(DONE if self._row.ends_with_done else b"")
        finally:
            streamed.close()

    def _failed(self, error: GatewayError, streamed: Streamed) -> bytes:
        """Return the last event of a stream that broke, on which both official SDKs raise."""
        if self._row.ends_with_done:
            return error_frame(error) + DONE
        return typed_error_event(error, streamed.passed)

    async def _relay(self, visit: Visit, streamed: Streamed) -> None:
        """Hand over what arrives.

        Hold the status back until the first content or the desk's limit.
        """
        while (batch := await streamed.next()) is not None:
            if batch:
                if not visit.status:
                    await visit.begin(200, _stream_headers(streamed))
                await visit.write(batch)
                await streamed.pour(visit.offer)
            elif visit.status:
                await visit.write(KEEP_ALIVE)
            elif time.perf_counter() - visit.started_at >= self._desk.hold_status_s:
                await visit.begin(200, _stream_headers(streamed))
                await visit.write(KEEP_ALIVE)
        if not visit.status:
            await visit.begin(200, _stream_headers(streamed))


def _stream_headers(streamed: Streamed) -> Headers:
    headers = [
        *streamed.headers,
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache"),
        (b"x-accel-buffering", b"no"),
    ]
    if streamed.deployment is not None:
        _name_route(headers, streamed.deployment)
    return headers


def _name_route(headers: Headers, deployment: Deployment) -> None:
    code, id_ = deployment.labels
    headers.append((b"x-llmproxy-model", code))
    headers.append((b"x-llmproxy-deployment", id_))
