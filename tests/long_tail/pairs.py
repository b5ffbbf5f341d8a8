"""The recorded pairs of `tests/recorded/litellm/`: what goes in, and what must come out.

A file per provider: a `document`'s parameters, `requests` (OpenAI's → the provider's), `answers`
and `streams` (the provider's → OpenAI's) and `errors`. The providers' side is written after their
own documentation, which each file names.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.translated.translation import Sent, Translation
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.wire.json_object import JsonObject
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document
from tests.fakes.upstream import call
from tests.simulators import aws_frames

FOLDER = Path(__file__).parents[1] / "recorded" / "litellm"
PROVIDERS = ("bedrock", "cohere", "databricks", "gemini", "mistral", "watsonx")
SECRETS = {"THE_KEY": "a-key", "AWS_ID": "AKIDEXAMPLE", "AWS_SECRET": "a-secret"}
CHANGING = ("authorization", "x-amz-date", "x-amz-security-token")

Pair = dict[str, Any]


def recorded(provider: str) -> Pair:
    """The pairs of a provider."""
    pairs: Pair = json.loads((FOLDER / f"{provider}.json").read_text())
    return pairs


def named(kind: str) -> list[tuple[str, str]]:
    """Provider and name of every pair of a kind."""
    return [(provider, each["name"]) for provider in PROVIDERS for each in recorded(provider)[kind]]


def one(provider: str, kind: str, name: str) -> Pair:
    """A pair by its name."""
    pairs: list[Pair] = recorded(provider)[kind]
    return next(each for each in pairs if each["name"] == name)


def model(parameters: Mapping[str, Any]) -> Model:
    """A document's model."""
    return parse_model(
        document(provider="LiteLLM", model_type="LiteLLM", parameters=dict(parameters))
    ).model


def translation(long_tail: LongTail, parameters: Mapping[str, Any]) -> Translation:
    """The translation of a document whose model is loaded; call it with an event loop."""
    client = HttpClient(max_connections=1, proxies=Proxies({}))
    return long_tail.translations(client, model(parameters))[Endpoint.CHAT_COMPLETIONS]


def asking(body: Mapping[str, Any]) -> Call:
    """The call of a request."""
    text = json.dumps(body).encode()
    return call(
        FakeClock(),
        body=JsonObject(text),
        prompt_bytes=len(text),
        stream=bool(body.get("stream")),
        model="the-model",
    )


def shown(sent: Sent) -> Pair:
    """A request as it is recorded: signatures change with the time and are left out."""
    line, *headers = sent.target.head.decode().split("\r\n")
    said = dict(each.split(": ", 1) for each in headers if each)
    return {
        "line": line,
        "headers": {
            name.lower(): "…" if name.lower() in CHANGING and "AWS4" in str(said) else value
            for name, value in said.items()
        },
        "body": json.loads(sent.body),
        "dropped": list(sent.dropped),
    }


def settled(body: bytes) -> Pair:
    """An answer without what differs each time."""
    answer: Pair = json.loads(body)
    assert answer.pop("id").startswith("chatcmpl-")
    assert answer.pop("created") > 0
    return answer


def settled_events(events: bytes) -> list[Any]:
    """A stream's chunks without what must be the same in all of them."""
    blocks = events.split(b"\n\n")
    assert blocks.pop() == b""
    chunks = [json.loads(block.removeprefix(b"data: ")) for block in blocks]
    heads = {(each.pop("id"), each.pop("created"), each.pop("model")) for each in chunks}
    assert len(heads) <= 1
    assert {each.pop("object") for each in chunks} <= {"chat.completion.chunk"}
    return chunks


def wire(upstream: list[Any] | str) -> bytes:
    """A stream's bytes: events as text, or the events of AWS with their names."""
    if isinstance(upstream, str):
        return upstream.encode()
    return b"".join(
        aws_frames.failure(name, payload)
        if isinstance(payload, str)
        else aws_frames.event(name, payload)
        for name, payload in upstream
    )


def told(error: GatewayError) -> Pair:
    """An error as it is recorded."""
    return {"kind": type(error).__name__, "code": error.code, "message": error.message}
