"""The wires of six providers behind LiteLLM, on one listener: each by its path.

They answer with what is recorded in `tests/recorded/litellm/`, chosen by what was asked: a request
with tools gets the pair `tools`, another one `plain`. A request without the right credential gets
the provider's refusal. Prompts may ask for a pair by its name: `answer: cut short`.
"""

import json
import re
import time
from pathlib import Path
from typing import Any

from typing_extensions import override

from tests.simulators import aws_frames
from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.aws_signature import fault
from tests.simulators.http import Request
from tests.simulators.simulator import Simulator

FOLDER = Path(__file__).parents[1] / "recorded" / "litellm"
KEY = "a-key"
ACCESS_KEY, SECRET_KEY, REGION = "AKIDEXAMPLE", "a-secret", "eu-central-1"
IAM_TOKEN = "an-iam-token"

_PATHS = (
    ("bedrock", re.compile(r"/model/[^/]+/(converse|converse-stream)")),
    ("cohere", re.compile(r"/v2/chat")),
    ("databricks", re.compile(r"/serving-endpoints/chat/completions")),
    ("gemini", re.compile(r"/v1beta/models/[^/]+:(generateContent|streamGenerateContent)")),
    ("mistral", re.compile(r"/v1/chat/completions")),
    ("watsonx", re.compile(r"/ml/v1/text/(chat|chat_stream)")),
)
_STREAMED = frozenset(("converse-stream", "streamGenerateContent", "chat_stream"))
_NAMED = re.compile(r"answer: ([a-z ,]+)")

Pair = dict[str, Any]


class LongTailSimulator(Simulator):
    """All six at once."""

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self._recorded = {
            provider: json.loads((FOLDER / f"{provider}.json").read_text())
            for provider, _ in _PATHS
        }

    @override
    def answer(self, request: Request) -> Answer:
        if request.path == "/identity/token":
            return self._token(request)
        provider, verb = self._asked(request)
        self._check_credential(provider, request)
        body = json.loads(request.body)
        streamed = verb in _STREAMED or body.get("stream") is True
        pair = self._pair(provider, "streams" if streamed else "answers", request.body.decode())
        headers = (("x-request-id", "up-1"),)
        if not streamed:
            kind = (("content-type", "application/json"),)
            return Answer(200, kind + headers, pair["upstream"].encode())
        kind = (("content-type", pair["content_type"]),)
        return Answer(200, kind + headers, _wire(pair["upstream"]), chunked=True)

    @override
    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status)

    @override
    def failure(self, status: int) -> RefusalError:
        return RefusalError(status, "failed", envelope={"message": "failed"})

    @override
    def model_of(self, request: Request) -> str | None:
        found = re.search(r"/model/([^/]+)/|/models/([^:]+):", request.path)
        if found:
            return found[1] or found[2]
        body = json.loads(request.body or b"{}") if request.body[:1] == b"{" else {}
        return body.get("model") or body.get("model_id")

    def _asked(self, request: Request) -> tuple[str, str]:
        for provider, path in _PATHS:
            found = path.fullmatch(request.path)
            if found:
                return provider, found[1] if found.lastindex else ""
        raise RefusalError(404, f"no such path: {request.path}")

    def _pair(self, provider: str, kind: str, text: str) -> Pair:
        pairs: list[Pair] = self._recorded[provider][kind]
        asked = _NAMED.search(text)
        name = asked[1] if asked else "tools" if '"tools"' in text else "plain"
        return next(each for each in pairs if each["name"] == name)

    def _check_credential(self, provider: str, request: Request) -> None:
        if provider == "bedrock":
            wrong = fault(request, ACCESS_KEY, SECRET_KEY, REGION)
        elif provider == "gemini":
            wrong = "" if request.header("x-goog-api-key") == KEY else "another key"
        else:
            token = IAM_TOKEN if provider == "watsonx" else KEY
            said = request.header("authorization")
            wrong = "" if said == f"Bearer {token}" else "another key"
        if wrong:
            raise RefusalError(403, wrong, envelope={"message": wrong})

    def _token(self, request: Request) -> Answer:
        """What IBM Cloud IAM answers to an API key."""
        if f"apikey={KEY}".encode() not in request.body:
            return json_answer({"errorMessage": "Provided API key could not be found."}, status=400)
        return json_answer(
            {
                "access_token": IAM_TOKEN,
                "expires_in": 3600,
                "expiration": int(time.time()) + 3600,
                "token_type": "Bearer",
            }
        )


def _wire(upstream: list[Any] | str) -> bytes:
    if isinstance(upstream, str):
        return upstream.encode()
    return b"".join(
        aws_frames.failure(name, payload)
        if isinstance(payload, str)
        else aws_frames.event(name, payload)
        for name, payload in upstream
    )
