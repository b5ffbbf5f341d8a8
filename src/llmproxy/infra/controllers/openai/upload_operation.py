"""POST operations with a form: the form is kept as it arrives, read, and sent on from there.

What differs between them is a `Row`; the rows are in `operations.py`.
"""

from contextlib import aclosing
from typing import NamedTuple

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import InvalidRequest
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.middleware import Serve
from llmproxy.infra.controllers.openai.counter import Counter
from llmproxy.infra.controllers.openai.tags import tags_of
from llmproxy.infra.controllers.openai.upload import SpooledForm
from llmproxy.infra.controllers.openai.upload_requests import Desk as FormDesk
from llmproxy.infra.controllers.openai.upload_requests import Sent
from llmproxy.infra.controllers.openai.wishes import refuse_repeats
from llmproxy.infra.controllers.spool import Spool, Spools, most_in_memory
from llmproxy.infra.controllers.visit import JSON, Visit
from llmproxy.infra.wire.multipart import Form, FormReader, Malformed, boundary_of

SETTING = "MAX_UPLOAD_BYTES"


class UploadRow(NamedTuple):
    """An endpoint and what its desk makes of a form; `json` serves the same as a JSON body."""

    endpoint: Endpoint
    form: FormDesk
    json: Serve | None = None


class UploadOperation:
    """One endpoint; `desk` holds the settings that every operation shares."""

    def __init__(self, gateway: Gateway, desk: Desk, spools: Spools, row: UploadRow) -> None:
        self._gateway = gateway
        self._desk = desk
        self._spools = spools
        self._row = row
        self._operation = OPERATION_OF[row.endpoint]
        self._counter = Counter(gateway, desk, ends_with_done=False)

    async def __call__(self, visit: Visit) -> None:
        """Serve one request. Raises GatewayError before anything was sent."""
        content_type = visit.headers.get(b"content-type", b"")
        if self._row.json is not None and content_type.lower().startswith(JSON):
            await self._row.json(visit)
            return
        caller = visit.caller = self._gateway.registry.authenticate(
            visit.key, visit.is_local, visit.named_project
        )
        refuse_repeats(visit.headers)
        reader = _reader(content_type, self._row)
        declared = visit.declared_bytes(self._desk.max_upload_bytes, SETTING)
        await self._desk.crowd.admit(visit, caller, most_in_memory(declared))
        spool = self._spools.spool(declared)
        try:
            form = await self._received(visit, reader, spool)
            sent = self._row.form.read(form)
            upload = SpooledForm(form, spool, content_type)
            call = self._call(visit, caller, sent, upload, _text_bytes(form, spool))
            visit.call = call
            visit.follow_client()
            if call.stream:
                await self._counter.stream(visit, call)
            else:
                await self._counter.answer(visit, call)
        finally:
            spool.close()

    async def _received(self, visit: Visit, reader: FormReader, spool: Spool) -> Form:
        """Keep the body as it arrives; what is wrong with it is said as soon as it is seen."""
        desk = self._desk
        arriving = visit.pieces(
            max_bytes=desk.max_upload_bytes, silence_s=desk.body_timeout_s, setting=SETTING
        )
        try:
            async with aclosing(arriving) as pieces:
                async for piece in pieces:
                    reader.feed(piece)
                    await spool.write(piece)
            form = reader.form
        except Malformed as error:
            raise _refusal(error) from error
        await spool.finish()
        return form

    def _call(
        self, visit: Visit, caller: Caller, sent: Sent, upload: SpooledForm, text_bytes: int
    ) -> Call:
        asked = sent.asked
        model = visit.subject = asked.model or self._gateway.registry.only_model(
            caller, self._operation
        )
        return Call(
            request_id=visit.request_id,
            caller=caller,
            endpoint=self._row.endpoint,
            operation=self._operation,
            model=model,
            body=asked.body,
            prompt_bytes=text_bytes + sent.file_tokens,
            max_output_tokens=asked.max_output_tokens,
            choices=asked.choices,
            counted=asked.counted,
            stream=asked.stream,
            silence_s=self._desk.silence_s(visit),
            started_at=visit.started_at,
            trace=visit.trace,
            upload=upload,
            audio_ms_at_most=asked.audio_ms_at_most,
            tags=tags_of(visit.headers, asked.body),
        )


def _reader(content_type: bytes, row: UploadRow) -> FormReader:
    try:
        return FormReader(boundary_of(content_type), row.form.fields.keys())
    except Malformed as error:
        kind = content_type[:100].decode("latin-1")
        raise InvalidRequest(
            f"Unsupported content type: {kind!r} ({error}).",
            code="unsupported_content_type",
            hint="Send `content-type: multipart/form-data` with a boundary.",
        ) from error


def _refusal(error: Malformed) -> InvalidRequest:
    if error.field is None:
        return InvalidRequest(
            f"We could not parse the form of your request: {error}.",
            code="invalid_multipart",
            hint="Send one multipart/form-data body, as RFC 7578 describes it.",
        )
    name = error.field[:100]
    code = "repeated_field" if error.repeated else "invalid_type"
    return InvalidRequest(f"Invalid '{name}': {error}.", param=name, code=code)


def _text_bytes(form: Form, spool: Spool) -> int:
    """Return the size of all that is no file."""
    return spool.size - sum(part.end - part.start for part in form.parts if part.is_file)
