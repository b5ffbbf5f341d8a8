"""`POST /admin/explain`: what would become of a request, without calling anyone.

The body goes through the very desk that serves requests (`openai/operations.py`), the call through
the functions of gate and road.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseDirectory
from llmproxy.application.use_cases.explain import Explain
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import Forbidden, GatewayError, InvalidRequest, TooLarge, UnknownItem
from llmproxy.domain.operation import OPERATION_OF
from llmproxy.domain.project import project_fault
from llmproxy.infra.controllers.admin.explained import (
    NO_KEY,
    caller_shown,
    explained,
    refusal,
    unexplained,
)
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.fields import decoded, json_object, missing
from llmproxy.infra.controllers.openai.json_operation import Row
from llmproxy.infra.controllers.openai.operations import JSON_ROWS

DEFAULT_ENDPOINT: Final = "/v1/chat/completions"
ROWS: Final[Mapping[str, Row]] = {f"/v1/{row.endpoint}": row for row in JSON_ROWS}
FIELDS: Final = frozenset(("endpoint", "body", "as"))
AROUND_BYTES: Final = 64 * 1024
"""What may stand around the body of the request that is explained."""
MAX_ASKED_BYTES: Final = 4 * 1024 * 1024
"""A request is shown once for every candidate, at the cost of the requests that are served."""
NAMED_IN_WARNINGS: Final = 20
_encode: Final = msgspec.json.Encoder().encode


class _Someone(msgspec.Struct, forbid_unknown_fields=True):
    key_id: str | None = None
    project: str | None = None
    models: list[str] | None = None


class _Wanted(NamedTuple):
    """What is to be explained; `refused` is what the caller's key is refused with already."""

    path: str
    row: Row
    raw: bytes
    caller: Caller
    refused: GatewayError | None


class Explainer:
    """Explains requests to administrators.

    `max_body_bytes` bounds those of callers, `max_asked_bytes` those that are explained.
    """

    def __init__(
        self,
        registry: Registry,
        explain: Explain,
        directory: ResponseDirectory,
        clock: Clock,
        *,
        max_body_bytes: int,
        max_asked_bytes: int = MAX_ASKED_BYTES,
    ) -> None:
        self._registry = registry
        self._explain = explain
        self._directory = directory
        self._clock = clock
        self._max_body_bytes = max_body_bytes
        self.max_bytes = max_asked_bytes + AROUND_BYTES
        """The size of what is asked, at most: a request and what stands around it."""

    async def __call__(self, raw: bytes, asker: Caller) -> bytes:
        """Return the explanation as JSON (`infra/schemas/explain.py`).

        `raw` is `{"endpoint"?, "body", "as"?}`, `asker` whose request it is when `as` is missing.
        Raises InvalidRequest or UnknownItem for what cannot be explained; what the caller of the
        request would be refused with is part of an explanation.
        """
        wanted = self._wanted(raw, asker)
        answer = {
            "object": "explanation",
            "endpoint": wanted.path,
            "operation": OPERATION_OF[wanted.row.endpoint],
            "caller": caller_shown(wanted.caller),
            **await self._explained(wanted),
        }
        if wanted.refused is not None:
            answer["refused"] = refusal("key", wanted.refused)
            answer["served_by"] = None
        return _encode(answer)

    def _wanted(self, raw: bytes, asker: Caller) -> _Wanted:
        fields = json_object(raw).fields
        for name in fields:
            if name not in FIELDS:
                raise InvalidRequest(
                    f"Unknown parameter: '{name[:100]}'.",
                    param=name[:100],
                    code="unknown_parameter",
                    hint="Known are endpoint, body and as.",
                )
        if "body" not in fields:
            raise missing("body")
        path = DEFAULT_ENDPOINT
        if "endpoint" in fields:
            path = str(decoded("endpoint", fields["endpoint"]))
        row = ROWS.get(path)
        if row is None:
            raise InvalidRequest(
                f"Invalid 'endpoint': no operation with a JSON body is at `{path[:100]}`.",
                param="endpoint",
                code="invalid_value",
                hint=f"There are {', '.join(ROWS)}.",
            )
        caller, refused = self._caller(fields.get("as"), asker)
        return _Wanted(path, row, bytes(fields["body"]), caller, refused)

    async def _explained(self, wanted: _Wanted) -> dict[str, Any]:
        try:
            asked, call = self._call(wanted)
        except GatewayError as error:
            return unexplained(refusal("body", error))
        streamed = asked.stream or wanted.row.binary
        explanation = await self._explain(call, streamed=streamed)
        warnings = self._warnings(call.model)
        if explanation.further:
            warnings.append(f"{explanation.further} more deployments would be tried after these.")
        return explained(call, explanation) | {"warnings": warnings}

    def _call(self, wanted: _Wanted) -> tuple[Asked, Call]:
        """Return what the desk (`openai/json_operation.py`) makes of it. Raises CallerError."""
        raw, row, caller = wanted.raw, wanted.row, wanted.caller
        if len(raw) > self._max_body_bytes:
            raise TooLarge(
                f"The request body is larger than {self._max_body_bytes} bytes.",
                hint="Send less, or raise MAX_BODY_BYTES.",
            )
        asked = row.read(raw)
        operation = OPERATION_OF[row.endpoint]
        call = Call(
            request_id="req_explained",
            caller=caller,
            endpoint=row.endpoint,
            operation=operation,
            model=asked.model or self._registry.only_model(caller, operation),
            body=asked.body,
            prompt_bytes=len(raw),
            max_output_tokens=asked.max_output_tokens,
            choices=asked.choices,
            counted=asked.counted,
            stream=asked.stream,
            silence_s=None,
            started_at=self._clock.monotonic(),
            background=asked.background,
            audio_ms_at_most=asked.audio_ms_at_most,
            plain=asked.plain,
        )
        if asked.previous is not None:
            call.previous = self._directory.previous(asked.previous, caller)
        return asked, call

    def _caller(
        self, text: msgspec.Raw | None, asker: Caller
    ) -> tuple[Caller, GatewayError | None]:
        """Return who calls, and why the key would not be let in, if it would not."""
        if text is None or bytes(text) == b"null":
            return asker, None
        someone = _someone(text)
        if someone.key_id is not None:
            return self._of_key(someone.key_id)
        project = someone.project or ""
        known = self._registry.snapshot.projects.get(project)
        suspended = known is not None and known.suspended
        limits = None if known is None else known.limits
        models = None if someone.models is None else frozenset(someone.models)
        # Plans are remembered by the key's id: no key has this one, and no other project.
        caller = Caller(
            NO_KEY + project,
            project,
            models,
            admin=False,
            expires_at=None,
            project_limits=limits,
        )
        return caller, _suspended() if suspended else None

    def _of_key(self, key_id: str) -> tuple[Caller, GatewayError | None]:
        caller = self._registry.snapshot.caller(key_id)
        if caller is None:
            raise UnknownItem(
                f"No key has the id '{key_id[:100]}', or it is revoked.", param="as.key_id"
            )
        try:
            return self._registry.vouched(key_id, lambda: False), None
        except GatewayError as error:
            return caller, error

    def _warnings(self, model: str) -> list[str]:
        """Name the documents of this model that cannot be used at all."""
        snapshot = self._registry.snapshot
        named = []
        for name, problem in snapshot.problems.items():
            stored = snapshot.documents.get(name)
            code = None if stored is None else stored.document.get("code")
            if model in (name, code):
                named.append(f"The document {name} cannot be used: {problem}")
        return named[:NAMED_IN_WARNINGS]


def _someone(text: msgspec.Raw) -> _Someone:
    """Read `as`. Raises InvalidRequest."""
    decoded("as", text)
    try:
        someone = msgspec.json.decode(text, type=_Someone)
    except msgspec.ValidationError as error:
        raise _wrong(str(error).partition(" - at")[0]) from error
    if (someone.key_id is None) == (someone.project is None):
        raise _wrong("give either key_id or project")
    if someone.models is not None and (someone.key_id is not None or not someone.models):
        raise _wrong("models restrict a project, and there is at least one")
    fault = "" if someone.project is None else project_fault(someone.project)
    if fault:
        raise _wrong(f"project {fault}")
    return someone


def _wrong(words: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid 'as': {words}.",
        param="as",
        code="invalid_value",
        hint='Such as {"key_id": "key_…"} or {"project": "alpha"}.',
    )


def _suspended() -> Forbidden:
    return Forbidden(
        "The project of this API key is suspended.",
        code="project_suspended",
        hint="An administrator can resume it.",
    )
