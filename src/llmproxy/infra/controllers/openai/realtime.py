"""`GET /v1/realtime` as a WebSocket: the desk before the gate, and the client's end of the talk.

A refusal before the switch is an HTTP answer; after it, an `error` event and a close code.
"""

import base64
import binascii
import logging
from collections.abc import Mapping
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl

import msgspec

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.talk import FAILED, LATER, POLICY, TEXT, Frame, Talk
from llmproxy.application.use_cases.duplex import CONTEXT_TOKENS, Session
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import (
    CallerError,
    GatewayError,
    InvalidRequest,
    Unavailable,
    UpstreamError,
)
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.infra.controllers.asgi import Headers
from llmproxy.infra.controllers.crowd import Crowd
from llmproxy.infra.controllers.errors import realtime_error_event, told
from llmproxy.infra.controllers.openai.client_secrets import PREFIX, ClientSecret, Secrets
from llmproxy.infra.controllers.openai.fields import missing
from llmproxy.infra.controllers.openai.tags import tags_of
from llmproxy.infra.controllers.visit import ClientGone, Visit
from llmproxy.infra.wire.hiding import HIDDEN
from llmproxy.infra.wire.json_object import JsonObject

logger = logging.getLogger("llmproxy")

SOCKET: Final = "llmproxy.socket"
"""The scope extension of a request that offers a WebSocket (`infra/server/upgrade.py`)."""
SUBPROTOCOL: Final = b"realtime"
KEY_SUBPROTOCOL: Final = b"openai-insecure-api-key."
"""How a browser, which cannot set headers, sends its key (openai-node `realtime/websocket.ts`)."""
IGNORED: Final = frozenset(("api-version",))
"""What the Azure clients add to every URL."""
MAX_PARAMETERS: Final = 20
MS_PER_TOKEN_HEARD: Final = 100
"""Of what the caller says (OpenAI's page "Managing costs" of the Realtime API)."""
KEY_BYTES: Final = 16


class Switchable(Protocol):
    """What the extension offers."""

    def switch(self, headers: Headers, max_message_bytes: int) -> Talk:
        """Let the client in. Raises ConnectionError when it has left."""


class Realtime:
    """`max_message_bytes` bounds a message of the client, `idle_s` a silence of both ends."""

    def __init__(
        self,
        gateway: Gateway,
        secrets: Secrets,
        crowd: Crowd,
        *,
        max_message_bytes: int,
        idle_s: float,
    ) -> None:
        self._gateway = gateway
        self._crowd = crowd
        self._secrets = secrets
        self._max_message_bytes = max_message_bytes
        self._idle_s = idle_s

    async def __call__(self, visit: Visit) -> None:
        """Serve one session. Raises GatewayError before the client was let in."""
        protocols = _protocols(visit)
        key = visit.key or _key_in(protocols)
        secret = None
        if key is not None and key.startswith(PREFIX):
            secret = self._secrets.opened(key)
            caller = self._gateway.registry.vouched(secret.key_id, visit.is_local)
        else:
            caller = self._gateway.registry.authenticate(key, visit.is_local, visit.named_project)
        switchable = _switchable(visit)
        call = _call(visit, caller, secret)
        visit.subject = call.model
        visit.caller, visit.call = caller, call
        await self._crowd.admit(visit, caller, 0)
        visit.follow_client()
        session = await self._gateway.duplex(call)
        try:
            await self._serve(visit, switchable, session, chosen=SUBPROTOCOL in protocols)
        finally:
            session.close()

    async def _serve(
        self, visit: Visit, switchable: Switchable, session: Session, *, chosen: bool
    ) -> None:
        headers = [
            b"x-request-id: " + visit.request_id.encode("ascii"),
            *session.deployment.labels,
        ]
        if chosen:
            headers.append(b"sec-websocket-protocol: " + SUBPROTOCOL)
        try:
            client = switchable.switch(headers, self._max_message_bytes)
        except ConnectionError as error:
            raise ClientGone from error
        visit.status = 101
        try:
            await session.run(client, self._idle_s)
        except GatewayError as error:
            if isinstance(error, UpstreamError):
                logger.warning("%s %.100s: %s", visit.request_id, error.code, told(error))
            await _tell(client, error, visit.request_id)


async def _tell(client: Talk, error: GatewayError, request_id: str) -> None:
    """Say why the session ends, as an event and as a close code."""
    if isinstance(error, Unavailable):
        code = LATER
    else:
        code = POLICY if isinstance(error, CallerError) else FAILED
    await client.send(Frame(TEXT, realtime_error_event(error, request_id)))
    client.close(code, HIDDEN.hide(error.code or ""))


def _protocols(visit: Visit) -> list[bytes]:
    offered = visit.headers.get(b"sec-websocket-protocol", b"")
    return [each.strip() for each in offered.split(b",")]


def _key_in(protocols: list[bytes]) -> bytes | None:
    for each in protocols:
        if each.startswith(KEY_SUBPROTOCOL):
            return each.removeprefix(KEY_SUBPROTOCOL)
    return None


def _switchable(visit: Visit) -> Switchable:
    """Return what lets the client in. Raises InvalidRequest when it does not ask for that."""
    switchable: Switchable | None = visit.scope.get("extensions", {}).get(SOCKET)
    if switchable is None:
        raise InvalidRequest(
            "This URL is served as a WebSocket, and the request does not ask for one.",
            code="websocket_required",
            hint="Connect with a WebSocket client, directly or through a proxy that upgrades.",
        )
    headers = visit.headers
    if headers.get(b"sec-websocket-version") != b"13":
        raise _bad_header("sec-websocket-version", "13")
    try:
        key = base64.b64decode(headers.get(b"sec-websocket-key", b""), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise _bad_header("sec-websocket-key", "16 bytes in base64")
    return switchable


def _bad_header(name: str, expected: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid '{name}' header: expected {expected}.", param=name, code="invalid_header"
    )


def _call(visit: Visit, caller: Caller, secret: ClientSecret | None) -> Call:
    asked = _parameters(visit)
    intent = asked.get("intent")
    if intent not in (None, "transcription"):
        raise InvalidRequest(
            f"Invalid value: '{intent[:100]}'. Supported values are: 'transcription'.",
            param="intent",
            code="invalid_value",
        )
    model = asked.get("model") or asked.get("deployment")
    if secret is not None:
        if model not in (None, secret.model):
            raise InvalidRequest(
                f"This client secret is for the model `{secret.model}` only.",
                param="model",
                code="invalid_value",
            )
        model = secret.model
        intent = "transcription" if secret.transcribes else intent
    if not model:
        raise missing("model")
    body = _body(intent, secret)
    return Call(
        request_id=visit.request_id,
        caller=caller,
        endpoint=Endpoint.REALTIME,
        operation=Operation.AUDIO_REALTIME,
        model=model,
        body=body,
        prompt_bytes=CONTEXT_TOKENS,
        max_output_tokens=None,
        choices=1,
        stream=True,
        silence_s=None,
        started_at=visit.started_at,
        trace=visit.trace,
        audio_ms_at_most=CONTEXT_TOKENS * MS_PER_TOKEN_HEARD,
        tags=tags_of(visit.headers, body),
    )


def _parameters(visit: Visit) -> dict[str, str]:
    """Return the query. Raises InvalidRequest for what is not known here."""
    try:
        pairs = parse_qsl(
            visit.scope["query_string"].decode("latin-1"),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError as error:
        raise InvalidRequest("The query has too many parameters.") from error
    asked: dict[str, str] = {}
    for name, value in pairs:
        if name in IGNORED:
            continue
        if name == "call_id":
            raise InvalidRequest(
                "Joining a call is not supported by this gateway.",
                param=name,
                code="unsupported_parameter",
                hint="Open a session of its own with `model`.",
            )
        if name not in {"model", "deployment", "intent"}:
            raise InvalidRequest(
                f"Unknown parameter: '{name[:100]}'.", param=name[:100], code="unknown_parameter"
            )
        if asked.setdefault(name, value) != value:
            raise InvalidRequest(
                f"The parameter '{name}' stands more than once.", param=name, code="repeated_field"
            )
    return asked


def _body(intent: str | None, secret: ClientSecret | None) -> JsonObject:
    """Return what the provider's end needs to know, in the form that every call has."""
    fields: Mapping[str, Any] = {} if intent is None else {"intent": intent}
    body = JsonObject(msgspec.json.encode(fields))
    if secret is not None:
        body.fields["session"] = msgspec.Raw(secret.session)
    return body
