"""`POST /v1/realtime/client_secrets`: short-lived secrets for browsers, made and signed here.

A secret of the provider would let its holder pass by this gateway's ledger, so none is ever handed
out. Ours is bound to the key that asked for it, to one model and to the session's settings, which
it carries itself: no table, any worker can open it. Shape and bounds: OpenAI's API description
2.3.0 (RealtimeCreateClientSecretRequest and …Response).
"""

from typing import Any, Final

import msgspec

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.sealing import Sealing
from llmproxy.domain.errors import InvalidRequest, Unauthenticated
from llmproxy.domain.operation import Operation
from llmproxy.infra.controllers.asgi import Headers
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.openai.fields import (
    Check,
    decoded,
    json_object,
    missing,
    model_name,
    one_of,
    whole,
    wrong_type,
)
from llmproxy.infra.controllers.visit import Visit
from llmproxy.infra.wire.json_object import JsonObject

PREFIX: Final = b"ek_"
KIND: Final = "realtime_client_secret"
LEAST_S, MOST_S, DEFAULT_S = 10, 7_200, 600
MAX_SESSION_BYTES: Final = 8 * 1024
"""A secret holds its session and travels in a header, whose size servers and proxies bound."""
REALTIME, TRANSCRIPTION = "realtime", "transcription"
MODEL_AT: Final = {
    REALTIME: ("model",),
    TRANSCRIPTION: ("audio", "input", "transcription", "model"),
}
_encode = msgspec.json.Encoder().encode


class ClientSecret(msgspec.Struct):
    """What a secret stands for; `session` is the JSON text of its settings."""

    key_id: str
    model: str
    expires_at: int
    session_text: str
    transcribes: bool

    @property
    def session(self) -> bytes:
        """The JSON text of the session's settings."""
        return self.session_text.encode()


_secret = msgspec.json.Decoder(ClientSecret).decode


class Secrets:
    """Makes and opens secrets."""

    def __init__(self, sealing: Sealing, clock: Clock) -> None:
        self._sealing = sealing
        self._clock = clock

    def made(self, key_id: str, model: str, session: JsonObject, seconds: int) -> tuple[str, int]:
        """Return a secret and when it expires, in unix seconds."""
        expires_at = int(self._clock.now()) + seconds
        transcribes = session.value("type") == b'"transcription"'
        secret = ClientSecret(key_id, model, expires_at, session.raw.decode(), transcribes)
        return PREFIX.decode() + self._sealing.seal(KIND, _encode(secret)), expires_at

    def opened(self, text: bytes) -> ClientSecret:
        """Return what a secret stands for. Raises Unauthenticated."""
        payload = self._sealing.unseal(KIND, text.removeprefix(PREFIX).decode("latin-1"))
        if payload is None:
            raise Unauthenticated("Incorrect client secret provided.")
        secret = _secret(payload)
        if secret.expires_at <= self._clock.now():
            raise Unauthenticated(
                "This client secret has expired.",
                code="invalid_api_key",
                hint="Ask /v1/realtime/client_secrets for a new one.",
            )
        return secret


class ClientSecrets:
    """The endpoint. `desk` holds the settings that every operation shares."""

    def __init__(self, gateway: Gateway, desk: Desk, secrets: Secrets) -> None:
        self._gateway = gateway
        self._desk = desk
        self._secrets = secrets

    async def __call__(self, visit: Visit) -> None:
        """Serve one request. Raises GatewayError."""
        desk = self._desk
        registry = self._gateway.registry
        caller = registry.authenticate(visit.key, visit.is_local, visit.named_project)
        visit.caller = caller
        await desk.crowd.admit(visit, caller, visit.body_bytes(desk.max_body_bytes))
        raw = await visit.body(max_bytes=desk.max_body_bytes, silence_s=desk.body_timeout_s)
        seconds, session = _read(raw)
        model = visit.subject = _model_of(session)
        registry.candidates(model, caller, Operation.AUDIO_REALTIME)
        value, expires_at = self._secrets.made(caller.key_id, model, session, seconds)
        body = _answer(value, expires_at, session, visit.request_id)
        headers: Headers = [
            b"content-type: application/json",
            b"content-length: %d" % len(body),
            b"cache-control: no-store",
        ]
        await visit.reply(200, headers, body)


def _read(raw: bytes) -> tuple[int, JsonObject]:
    """Return the secret's life and its session. Raises InvalidRequest."""
    body = json_object(raw)
    for name in body.fields:
        if name not in {"expires_after", "session"}:
            raise InvalidRequest(
                f"Unknown parameter: '{name[:100]}'.", param=name[:100], code="unknown_parameter"
            )
    seconds = DEFAULT_S
    expires_after = _object(body, "expires_after", "expires_after")
    if expires_after is not None:
        _field(expires_after, "expires_after", "anchor", one_of("created_at"))
        said = _field(expires_after, "expires_after", "seconds", whole(LEAST_S, MOST_S))
        seconds = DEFAULT_S if said is None else said
    session = _object(body, "session", "session")
    if session is None:
        raise missing("session")
    if len(session.raw) > MAX_SESSION_BYTES:
        raise InvalidRequest(
            f"Invalid 'session': longer than {MAX_SESSION_BYTES} bytes.",
            param="session",
            code="string_above_max_length",
            hint="Send what does not fit as a `session.update` event.",
        )
    return seconds, session


def _model_of(session: JsonObject) -> str:
    kind = _field(session, "session", "type", one_of(REALTIME, TRANSCRIPTION))
    if kind is None:
        raise missing("session.type")
    *above, last = MODEL_AT[kind]
    within, path = session, "session"
    for name in above:
        path += f".{name}"
        inner = _object(within, name, path)
        if inner is None:
            raise missing(".".join(("session", *MODEL_AT[kind])))
        within = inner
    model = _field(within, path, last, model_name)
    if model is None:
        raise missing(f"{path}.{last}")
    return str(model)


def _object(within: JsonObject, name: str, path: str) -> JsonObject | None:
    """Return an object inside of another, None when it is absent or null."""
    text = within.value(name)
    if text is None or text == b"null":
        return None
    if not text.startswith(b"{"):
        raise wrong_type(path, "an object", decoded(path, msgspec.Raw(text)))
    return json_object(text)


def _field(within: JsonObject, path: str, name: str, check: Check) -> Any:  # noqa: ANN401 - any JSON
    """Return a checked value inside of an object, None when it is absent or null."""
    text = within.fields.get(name)
    if text is None:
        return None
    value = decoded(f"{path}.{name}", text)
    if value is not None:
        check(f"{path}.{name}", value)
    return value


def _answer(value: str, expires_at: int, session: JsonObject, request_id: str) -> bytes:
    """Return the answer: the session as it was given, with what OpenAI adds to one."""
    kind = "realtime.transcription_session"
    if session.value("type") == b'"realtime"':
        kind = "realtime.session"
    given = {
        "object": _encode(kind),
        "id": _encode(f"sess_{request_id.removeprefix('req_')}"),
        "expires_at": b"0",
    }
    fields = msgspec.Raw(session.rewritten(given))
    return _encode({"value": value, "expires_at": expires_at, "session": fields})
