"""Deployments of Gemini for tests, without a network."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from llmproxy.infra.providers.gemini.events import GeminiReader
from llmproxy.infra.providers.gemini.sites import gemini_site
from llmproxy.infra.providers.gemini.translation import GeminiChat
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Sent, Translated
from llmproxy.infra.providers.transport.target import target
from tests.fakes.calls import chat_call, google_model

Json = dict[str, Any]
HELLO: Json = {"messages": [{"role": "user", "content": "Hello"}]}


def chat(
    name: str = "gemini-2.5-flash",
    kept: KeptReasoning | None = None,
    **parameters: Any,  # noqa: ANN401
) -> GeminiChat:
    """Return the translation of a deployment."""
    model = google_model("GoogleVertex", name, **parameters)
    return GeminiChat(gemini_site(target, model), model, kept or KeptReasoning())


def sent(translation: GeminiChat, body: Json) -> tuple[Sent, Json]:
    """Return what goes to the provider, and its body."""
    made = asyncio.run(translation.request(chat_call(body)))
    decoded: Json = json.loads(made.body)
    return made, decoded


def said_in(translation: GeminiChat, messages: list[Json]) -> Json:
    """Return the body for a conversation."""
    return sent(translation, {"messages": messages})[1]


def translated(translation: GeminiChat, answer: bytes) -> Translated:
    """Return what an answer becomes."""
    asked = chat_call(HELLO)
    made = asyncio.run(translation.request(asked))
    return asyncio.run(translation.answer(asked, made, answer))


def answered(translation: GeminiChat, answer: Json) -> Json:
    """Return the completion that an answer becomes."""
    whole: Json = json.loads(
        translated(translation, json.dumps(answer, ensure_ascii=False).encode()).body
    )
    return whole


def framed(events: Iterable[Json]) -> bytes:
    """Return events as Vertex AI sends them."""
    return b"".join(
        f"data: {json.dumps(event, ensure_ascii=False)}\r\n\r\n".encode() for event in events
    )


def reader(*, include_usage: bool = True, kept: KeptReasoning | None = None) -> GeminiReader:
    """Return the reader of one streamed answer."""
    options = {"include_usage": include_usage}
    asked = chat_call({**HELLO, "stream": True, "stream_options": options})
    return GeminiReader(asked, kept or KeptReasoning())


def read_whole(reading: GeminiReader, pieces: Iterable[bytes]) -> bytes:
    """Return all that a reader makes of a stream. Raises what it raises, or keeps for later."""
    said = b""
    for piece in pieces:
        said += reading.feed(piece)
        if reading.failure is not None:
            raise reading.failure
    return said + reading.end()
