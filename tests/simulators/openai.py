"""OpenAI's API: `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{id}`, and the
operations of `operations/`.

By hand: `python -m tests.simulators.openai --port 9001`, then
`OpenAI(base_url="http://127.0.0.1:9001/v1")`. Faults: see `control.py`. Envelope and headers:
OpenAI's API description 2.3.0 and its "Debugging requests" page.
"""

import itertools
import ssl
from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Answer, Headers, RefusalError, json_answer, stream_answer
from tests.simulators.chat import CREATED, chat_chunks, chat_object
from tests.simulators.faults import fault_named
from tests.simulators.frames import switching, wants_websocket
from tests.simulators.http import Request
from tests.simulators.model import complete
from tests.simulators.operations import OPERATIONS
from tests.simulators.operations.operation import Asked, Operation
from tests.simulators.operations.responses import STORED, stored
from tests.simulators.parameters import CHAT_PARAMETERS
from tests.simulators.realtime import REALTIME_MODELS, RealtimeSession
from tests.simulators.rules import (
    Body,
    check_chat,
    decoded,
    named_model,
    unknown_parameter,
)
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_CHAT = "/v1/chat/completions"
_MODELS = "/v1/models"
_ROOT = "/v1/"

# What is asked for, and the snapshot that answers.
MODELS: Mapping[str, str] = {
    "gpt-4o-mini": "gpt-4o-mini-2024-07-18",
    "gpt-4o": "gpt-4o-2024-08-06",
    "gpt-4.1": "gpt-4.1-2025-04-14",
    "gpt-5-mini": "gpt-5-mini-2025-08-07",
    "text-embedding-3-small": "text-embedding-3-small",
    "gpt-4o-mini-tts": "gpt-4o-mini-tts-2025-12-15",
    "tts-1": "tts-1",
    "gpt-4o-transcribe": "gpt-4o-transcribe",
    "whisper-1": "whisper-1",
    "gpt-3.5-turbo-instruct": "gpt-3.5-turbo-instruct:20230824-v2",
    "omni-moderation-latest": "omni-moderation-2024-09-26",
    "gpt-image-1": "gpt-image-1",
    "dall-e-2": "dall-e-2",
}

_FAILURES: Mapping[int, tuple[str, str, str | None]] = {
    401: ("Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    403: ("You are not allowed to use this model.", "invalid_request_error", "forbidden"),
    404: (
        "The model does not exist or you do not have access to it.",
        "invalid_request_error",
        "model_not_found",
    ),
    429: (
        "Rate limit reached for requests per min (RPM): Limit 500.",
        "requests",
        "rate_limit_exceeded",
    ),
    503: ("The engine is currently overloaded, please try again later.", "server_error", None),
}
_REFUSED = ("The request was refused.", "invalid_request_error", "refused")
_FAILED = (
    "The server had an error while processing your request. Sorry about that!",
    "server_error",
    None,
)


class OpenAISimulator(Simulator):
    """OpenAI. `allow_unknown` makes it one of the compatible servers that ignore unknown
    parameters.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "sk-simulator",
        models: Mapping[str, str] = MODELS,
        allow_unknown: bool = False,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.api_key = api_key
        self.models = models
        self.allow_unknown = allow_unknown
        self.kept: dict[str, Any] = {}
        self._served = itertools.count(1)

    @property
    def base_url(self) -> str:
        """What the SDK's `base_url` is."""
        return f"{self.url}/v1"

    def model_of(self, request: Request) -> str | None:
        return named_model(request.body) or request.parameter("model")

    def answer(self, request: Request) -> Answer:
        path = request.path
        if path == "/v1/realtime":
            return self._realtime(request)
        operation = OPERATIONS.get(path.removeprefix(_ROOT))
        if operation is not None:
            return self._operate(operation, request)
        if path.startswith(_ROOT + STORED):
            self._check_key(request)
            return stored(request, path.removeprefix(_ROOT + STORED), self.kept)
        if path not in {_CHAT, _MODELS} and not path.startswith(f"{_MODELS}/"):
            raise RefusalError(404, f"Invalid URL ({request.method} {path})")
        self._check_key(request)
        method = "POST" if path == _CHAT else "GET"
        if request.method != method:
            words = (
                f"Not allowed to {request.method} on {path}. (HINT: Perhaps you meant to use a "
                "different HTTP method?)"
            )
            raise RefusalError(405, words, code="method_not_supported")
        if method == "GET":
            return self._list(path.removeprefix(_MODELS).strip("/"))
        # A body that is not declared as JSON is read as a form, in which no model is found.
        as_json = "json" in (request.header("content-type") or "")
        return self._chat(decoded(request.body) if as_json else {})

    def _realtime(self, request: Request) -> Answer:
        self._check_key(request)
        if not wants_websocket(request):
            raise RefusalError(400, "You must connect with a WebSocket.")
        headers = (*switching(request), *self._headers())
        if request.parameter("intent") == "transcription":
            return Answer(101, headers, session=RealtimeSession(None))
        name = request.parameter("model")
        if name is None:
            raise RefusalError(400, "you must provide a model parameter", code="missing_model")
        if name not in REALTIME_MODELS:
            raise RefusalError(
                404, f"The model '{name}' does not exist", param="model", code="model_not_found"
            )
        return Answer(101, headers, session=RealtimeSession(REALTIME_MODELS[name]))

    def _operate(self, operation: Operation, request: Request) -> Answer:
        self._check_key(request)
        if request.method != "POST":
            raise RefusalError(405, "Not allowed.", code="method_not_supported")
        name = operation.model_of(request)
        if name is None:
            raise RefusalError(400, "you must provide a model parameter")
        return operation.serve(Asked(request, self._snapshot(name), self._headers, self.kept))

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status, headers=self._headers(), indent=2)

    def failure(self, status: int) -> RefusalError:
        message, kind, code = _FAILURES.get(status, _FAILED if status >= 500 else _REFUSED)
        return RefusalError(status, message, kind=kind, code=code)

    def _check_key(self, request: Request) -> None:
        given = request.header("authorization") or _browsers_key(request)
        if given is None or not given.startswith("Bearer "):
            raise RefusalError(
                401,
                "You didn't provide an API key. You need to provide your API key in an "
                "Authorization header using Bearer "
                "auth (i.e. Authorization: Bearer YOUR_KEY).",
            )
        key = given.removeprefix("Bearer ")
        if key != self.api_key:
            raise RefusalError(
                401,
                f"Incorrect API key provided: {key[:3]}***{key[-4:]}. You can find your API key at "
                "https://platform.openai.com/account/api-keys.",
                code="invalid_api_key",
            )

    def _list(self, model: str) -> Answer:
        listed = [
            {"id": name, "object": "model", "created": CREATED, "owned_by": "system"}
            for name in self.models
        ]
        if not model:
            return json_answer(
                {"object": "list", "data": listed}, headers=self._headers(), indent=2
            )
        found = [entry for entry in listed if entry["id"] == model]
        if not found:
            raise RefusalError(
                404, f"The model '{model}' does not exist", param="model", code="model_not_found"
            )
        return json_answer(found[0], headers=self._headers(), indent=2)

    def _chat(self, body: Body) -> Answer:
        if not isinstance(body.get("model"), str):
            raise RefusalError(400, "you must provide a model parameter")
        unknown = [name for name in body if name not in CHAT_PARAMETERS]
        if unknown and not self.allow_unknown:
            raise unknown_parameter(unknown[0])
        model = self._snapshot(body["model"])
        check_chat(body, model=model)
        completion = complete(body, model=model)
        headers = self._headers(completion.prompt_tokens)
        if body.get("stream"):
            return stream_answer(chat_chunks(completion, body), headers)
        return json_answer(chat_object(completion, body), headers=headers, indent=2)

    def _snapshot(self, name: str) -> str:
        if name in self.models:
            return self.models[name]
        if name in self.models.values() or fault_named(name) is not None:
            return name
        raise RefusalError(
            404,
            f"The model `{name}` does not exist or you do not have access to it.",
            code="model_not_found",
        )

    def _headers(self, tokens: int | None = None) -> Headers:
        """The vendor's headers; those of the rate limit only where a model answered."""
        number = next(self._served)
        headers: Headers = (
            ("date", "Sun, 23 Nov 2025 20:00:00 GMT"),
            ("server", "cloudflare"),
            ("x-request-id", f"req_{number:032x}"),
            ("openai-processing-ms", "12"),
            ("openai-version", "2020-10-01"),
            ("openai-organization", "simulated-organization"),
            ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
            ("x-content-type-options", "nosniff"),
            ("cf-cache-status", "DYNAMIC"),
            ("cf-ray", f"{number:016x}-GRU"),
            ("set-cookie", f"__cf_bm=upstream-cookie-{number}; path=/; HttpOnly; Secure"),
        )
        if tokens is None:
            return headers
        return (
            *headers,
            ("x-ratelimit-limit-requests", "500"),
            ("x-ratelimit-limit-tokens", "200000"),
            ("x-ratelimit-remaining-requests", "499"),
            ("x-ratelimit-remaining-tokens", str(200_000 - tokens)),
            ("x-ratelimit-reset-requests", "120ms"),
            ("x-ratelimit-reset-tokens", f"{tokens}ms"),
        )


def _browsers_key(request: Request) -> str | None:
    """The key among the subprotocols, where a browser puts it."""
    for each in (request.header("sec-websocket-protocol") or "").split(","):
        if each.strip().startswith("openai-insecure-api-key."):
            return f"Bearer {each.strip().removeprefix('openai-insecure-api-key.')}"
    return None


def main() -> None:
    """Serve by hand."""
    parser = parser_for(__doc__)
    parser.add_argument("--allow-unknown", action="store_true", help="ignore unknown parameters")
    options = parser.parse_args()
    run(
        lambda: OpenAISimulator(
            port=options.port,
            tls=tls_from(options),
            api_key=options.api_key or "sk-simulator",
            allow_unknown=options.allow_unknown,
        )
    )


if __name__ == "__main__":
    main()
