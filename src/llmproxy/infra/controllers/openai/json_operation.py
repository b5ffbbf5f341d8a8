"""POST operations with a JSON body: the desk before the gate; `counter.py` is behind the road.

What differs between them is a `Row`; the rows are in `operations.py`.
"""

from collections.abc import Callable
from typing import NamedTuple

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.counter import Counter
from llmproxy.infra.controllers.openai.kept_answers import KeptAnswers
from llmproxy.infra.controllers.openai.known_requests import KnownRequests
from llmproxy.infra.controllers.openai.tags import tags_of
from llmproxy.infra.controllers.openai.wishes import Wishes
from llmproxy.infra.controllers.visit import Visit


class Row(NamedTuple):
    """An endpoint, what its desk makes of a body, and whether its streams end with `[DONE]`.

    Streams that do not are of typed events, `{"type": …}`. With `binary` an answer that is not
    asked for in events is not one piece but bytes, handed over as they arrive.
    """

    endpoint: Endpoint
    read: Callable[[bytes], Asked]
    ends_with_done: bool = False
    binary: bool = False


class JsonOperation:
    """One endpoint; `desk` holds the settings that every operation shares."""

    def __init__(self, gateway: Gateway, desk: Desk, row: Row) -> None:
        self._gateway = gateway
        self._desk = desk
        self._row = row
        self._operation = OPERATION_OF[row.endpoint]
        counter = Counter(gateway, desk, ends_with_done=row.ends_with_done)
        self._whole = counter.pipe if row.binary else counter.answer
        self._stream = counter.stream
        self._kept = KeptAnswers(gateway, counter)
        wishes = Wishes(gateway.registry, caches=gateway.repeats.caches, binary=row.binary)
        self._wish = wishes.read
        self._known = KnownRequests()

    async def __call__(self, visit: Visit) -> None:
        """Serve one request. Raises GatewayError before anything was sent."""
        desk = self._desk
        row = self._row
        caller = visit.caller = self._gateway.registry.authenticate(
            visit.key, visit.is_local, visit.named_project
        )
        size = visit.body_bytes(desk.max_body_bytes)
        if not desk.crowd.enter(visit, size):
            await desk.crowd.wait(visit, caller, size)
        raw = await visit.body(max_bytes=desk.max_body_bytes, silence_s=desk.body_timeout_s)
        known = self._known.get(raw)
        asked = row.read(raw) if known is None else known.asked
        model = visit.subject = asked.model or self._gateway.registry.only_model(
            caller, self._operation
        )
        call = visit.call = Call(
            request_id=visit.request_id,
            caller=caller,
            endpoint=row.endpoint,
            operation=self._operation,
            model=model,
            body=asked.body,
            prompt_bytes=len(raw),
            max_output_tokens=asked.max_output_tokens,
            choices=asked.choices,
            counted=asked.counted,
            stream=asked.stream,
            silence_s=desk.silence_s(visit),
            started_at=visit.started_at,
            trace=visit.trace,
            plain=asked.plain,
        )
        if asked.previous is not None or asked.background or asked.audio_ms_at_most:
            self._add(call, asked)
        tags = tags_of(visit.headers, asked.body)
        if tags:
            call.tags = tags
        visit.follow_client()
        wish = self._wish(visit.headers, call, b"" if known is None else known.question)
        if wish is not None:
            again = await self._kept.serve(visit, call, wish)
            if again and known is None and wish.question:
                self._known.add(raw, asked, wish.question)
        elif call.stream:
            await self._stream(visit, call)
        else:
            await self._whole(visit, call)

    def _add(self, call: Call, asked: Asked) -> None:
        """Add what few requests have. Raises UnknownResponse."""
        if asked.previous is not None:
            call.previous = self._gateway.recall.directory.previous(asked.previous, call.caller)
        call.background = asked.background
        call.audio_ms_at_most = asked.audio_ms_at_most
