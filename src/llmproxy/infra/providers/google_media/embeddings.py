"""Embeddings of Google's models.

| models | method | texts in one request |
|---|---|---|
| `gemini-embedding-…` | `:embedContent`, for several `:batchEmbedContents` | 250 |
| open models (`…-maas`) | `:embedContent` | 1 |
| `text-embedding-005`, `text-multilingual-embedding-002` | `:predict` | 250 |

Which model has which method: google-genai 3.6.1 `models.py` (`embed_content`) and
`_transformers.py` (`t_is_vertex_embed_content_model`, `t_is_vertex_maas_model`). Bounds: Vertex
AI's page "Get text embeddings" (2026): 250 texts and 20,000 tokens in one request, 2,048 tokens a
text. OpenAI takes 2,048 texts: what is more goes out in several requests. A token is at least a
byte, so that no request of several texts is larger than 20,000 bytes.

Google cuts longer texts off without a word unless `autoTruncate` is false; OpenAI refuses them.
Here they are refused, unless the request says `auto_truncate`, Google's own word.
"""

from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.model import Model
from llmproxy.infra.providers.google_media.given import Given, check_rest, given_in_json
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.google_media.vectors import (
    embedded_contents,
    embeddings_answer,
    predicted,
)
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.translation import Sent, Translated

MAX_TEXTS = 250
MAX_TOGETHER_BYTES = 20_000
SUPPORTED: AbstractSet[str] = frozenset(
    ("input", "dimensions", "encoding_format", "task_type", "title", "auto_truncate")
)
_encode = msgspec.json.Encoder().encode


class GoogleEmbeddings(GoogleTranslation):
    """One model."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._predicts = not ("gemini" in self.name or "maas" in self.name)
        self._most = 1 if "maas" in self.name else MAX_TEXTS
        if self._predicts:
            self._one = self._many = self.vertex_target("predict")
        else:
            self._one = self.vertex_target("embedContent")
            self._many = self.vertex_target("batchEmbedContents")

    @override
    async def request(self, call: Call) -> Sent:
        given = given_in_json(call)
        remarks = self.remarks(call)
        check_rest(given, remarks, SUPPORTED, {})
        groups = list(_grouped(_texts(given.values["input"]), self._most))
        write = _predict_body if self._predicts else _content_body
        alone = self._most == 1 or (len(groups) == 1 and len(groups[0]) == 1)
        body, *further = [write(group, given, alone=alone) for group in groups]
        return Sent(
            self._one if alone else self._many,
            body,
            tuple(remarks.dropped),
            context=[len(group) for group in groups],
            further=tuple(further),
        )

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        read = predicted if self._predicts else embedded_contents
        counts: Any = sent.context
        parts = [read(body, count) for body, count in zip(bodies, counts, strict=True)]
        in_base64 = call.body.value("encoding_format") == b'"base64"'
        return await embeddings_answer(parts, call.model, in_base64=in_base64)


def _texts(value: Any) -> list[str]:  # noqa: ANN401 - any of the four forms that the desk allows
    if isinstance(value, str):
        return [value]
    if all(isinstance(each, str) for each in value):
        return list(value)
    raise invalid(
        "input",
        "this model takes texts, not tokens",
        code="unsupported_value",
        hint="LangChain sends texts with `check_embedding_ctx_length=False`.",
    )


def _grouped(texts: Sequence[str], most: int) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for text in texts:
        bytes_of_text = len(text.encode())
        if group and (len(group) == most or size + bytes_of_text > MAX_TOGETHER_BYTES):
            yield group
            group, size = [], 0
        group.append(text)
        size += bytes_of_text
    yield group


def _predict_body(texts: Sequence[str], given: Given, *, alone: bool) -> bytes:  # noqa: ARG001
    """Return a body for `:predict`: `task_type` and `title` belong to each text."""
    further = _present({"task_type": given.text("task_type"), "title": given.text("title")})
    parameters = _present(
        {
            "outputDimensionality": given.values.get("dimensions"),
            "autoTruncate": bool(given.flag("auto_truncate")),
        }
    )
    instances = [{"content": text, **further} for text in texts]
    return _encode({"instances": instances, "parameters": parameters})


def _content_body(texts: Sequence[str], given: Given, *, alone: bool) -> bytes:
    """Return a body for `:embedContent`, or for `:batchEmbedContents` when it is not `alone`."""
    config = _present(
        {
            "taskType": given.text("task_type"),
            "title": given.text("title"),
            "outputDimensionality": given.values.get("dimensions"),
            "autoTruncate": bool(given.flag("auto_truncate")),
        }
    )
    requests = [
        {"content": {"role": "user", "parts": [{"text": text}]}, "embedContentConfig": config}
        for text in texts
    ]
    return _encode(requests[0] if alone else {"requests": requests})


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
