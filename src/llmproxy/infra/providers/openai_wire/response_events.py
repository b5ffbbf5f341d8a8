"""The events of a response: as typed events are, but for the ids of responses.

Those stand only in the few events that hold the whole `response`; every other event has none and
passes without a second look.
"""

from collections.abc import Sequence

from typing_extensions import override

from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.domain.errors import UnknownResponse, UpstreamError
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.openai_wire.failures import failure
from llmproxy.infra.providers.openai_wire.incoming import Again
from llmproxy.infra.providers.openai_wire.shown_ids import ShownIds
from llmproxy.infra.providers.openai_wire.typed_events import TypedEvents
from llmproxy.infra.providers.transport.exchange import Exchange

GONE = 404


class ResponseEvents(TypedEvents):
    """`origin` is the response that the request named: the one to go on from, or to stream."""

    def __init__(
        self,
        exchange: Exchange,
        again: Again,
        shown: ShownIds,
        project: str | None,
        origin: Origin | None,
    ) -> None:
        super().__init__(exchange, again, Endpoint.RESPONSES)
        self._shown = shown
        self._project = project
        self._origin = origin
        self._upstream_id = b""  # stands in every event, until the provider's id is known

    @override
    def special(self, data: bytes) -> bool:
        return self._upstream_id in data or super().special(data)

    @override
    def shown(self, event: bytes, content: bytes) -> bytes:
        if b'"response"' not in content:
            return event
        changed, upstream_id = self._shown.in_event(content, self._project)
        if not upstream_id:
            return event
        self._upstream_id = upstream_id.encode("utf-8")
        if changed == content:
            return event
        at = event.find(content)
        if at >= 0:
            return event[:at] + changed + event[at + len(content) :]
        return _rebuilt(event, changed)

    @override
    def refusal(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return failure(status, headers, in_words(body, self._origin))


class StoredEvents(ResponseEvents):
    """A response that is streamed by its id.

    It is shown as it is, failed ones too; behind its last event there is nothing, which is
    complete.
    """

    def __init__(
        self,
        exchange: Exchange,
        again: Again,
        shown: ShownIds,
        project: str | None,
        origin: Origin,
    ) -> None:
        super().__init__(exchange, again, shown, project, origin)
        self._upstream_id = origin.upstream.encode("utf-8")
        self._stored = origin
        self._spoke = True

    @override
    def refusal(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        if status == GONE:
            raise not_found(self._stored)
        return super().refusal(status, headers, body)

    @override
    def _check_end(self) -> None:
        if not self._events:
            self.finish_seen = True
        super()._check_end()


def in_words(body: bytes, origin: Origin | None) -> bytes:
    """Return a refusal that speaks of the response by the id which the client knows."""
    if origin is None:
        return body
    return body.replace(origin.upstream.encode("utf-8"), origin.shown.encode("ascii"))


def not_found(origin: Origin) -> UnknownResponse:
    """Return the error for a response that the provider does not keep, or no longer."""
    return UnknownResponse(f"Response with id '{origin.shown}' not found.")


def _rebuilt(event: bytes, content: bytes) -> bytes:
    """Return an event whose data stood on several lines with other data."""
    lines = [line for line in event.split(b"\n") if not line.startswith(b"data:")]
    return b"\n".join((*lines, *(b"data: " + line for line in content.split(b"\n"))))
