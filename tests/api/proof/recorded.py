"""The examples of tests/recorded/openai, and answers where OpenAI gives none that is whole."""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.api.gateway import ROOT

FOLDER = ROOT / "tests/recorded/openai"
SERVED = (
    "chat/completions",
    "completions",
    "embeddings",
    "moderations",
    "images/generations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "images/edits",
)
"""The operations that go through the proof; a row here is all that a new one needs."""
PROVEN_APART = {
    "responses": "their ids become the gateway's own",
    "images/variations": "its example names no model, and a form may not be written anew",
}
ENDS_WITH_DONE = frozenset(("chat/completions", "completions"))
_CHUNK = (
    b'data: {"id":"cmpl-1","object":"text_completion","created":1,"choices":[%b],"model":"m"}\n\n'
)
PLAIN = {
    "embeddings": b'{ "object":"list","data":[{"object":"embedding","embedding":[0.0023064255,'
    b'-9.3e-3 ],"index":0}],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8} }\n',
    "audio/speech": bytes(range(256)) * 100,
    "images/edits": b'{"created" :1,"data":[{"b64_json":"AA\\/A"}]}',
}
EVENTS = {
    "completions": _CHUNK % b'{"text":"This","index":0,"logprobs":null,"finish_reason":null}'
    + _CHUNK % b'{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}'
    + b"data: [DONE]\n\n",
    "audio/speech": b'data: {"type":"speech.audio.delta","audio":"AAAA"}\n\n'
    b'data: {"type":"speech.audio.done","usage":{"input_tokens":1,"output_tokens":2}}\n\n',
}
BOUNDARY = b"------------------------0f3a9c51d2e84b77"
FILE = bytes(range(256)) + b"\r\n--" + BOUNDARY[:-1] + b"\r\n"
"""Stands for every file that a form names: any bytes, and nearly a boundary."""
LAST_IMAGE = b'event: image_generation.completed\ndata: {"type":"image_generation.completed"}\n\n'


class Example(NamedTuple):
    """A request and what it is answered with; `model` is None when the request names none."""

    operation: str
    source: str
    request: bytes
    model: str | None
    streamed: bool
    answer: bytes
    kind: bytes = b"application/json"

    @property
    def binary(self) -> bool:
        """Whether the answer is sound and not text."""
        return self.operation == "audio/speech" and not self.streamed


def rows(name: str) -> list[dict[str, Any]]:
    """The lines of a file."""
    return [json.loads(line) for line in (FOLDER / name).read_text("utf-8").splitlines()]


def examples() -> Iterator[Example]:
    """Every request with the answer beside it, and every answer with a request that fits it."""
    first: dict[tuple[str, bool], Example] = {}
    for row in rows("requests.jsonl"):
        if row["operation"] in SERVED:
            example = _example(row) if "request" in row else _form(row)
            first.setdefault((example.operation, example.streamed), example)
            yield example
    for row in rows("answers.jsonl"):
        example = first[row["operation"], "events" in row]
        yield example._replace(source=row["source"], answer=_answer(row, example.streamed))


def _example(row: dict[str, Any]) -> Example:
    body = json.loads(row["request"])
    streamed = body.get("stream") is True or body.get("stream_format") == "sse"
    return Example(
        row["operation"],
        row["source"],
        row["request"].encode(),
        body.get("model"),
        streamed,
        _answer(row, streamed),
    )


def _form(row: dict[str, Any]) -> Example:
    """A form as curl writes it."""
    lines: list[bytes] = []
    for name, value in row["form"]:
        head = b'Content-Disposition: form-data; name="%b"' % name.encode()
        text = value.encode()
        if value.startswith("@"):
            head += b'; filename="%b"\r\nContent-Type: application/octet-stream' % text[1:]
            text = FILE
        lines += [b"--" + BOUNDARY, head, b"", text]
    body = b"\r\n".join([*lines, b"--" + BOUNDARY + b"--", b""])
    values = dict(row["form"])
    streamed = values.get("stream") == "true"
    return Example(
        row["operation"],
        row["source"],
        body,
        values.get("model"),
        streamed,
        _answer(row, streamed),
        b"multipart/form-data; boundary=" + BOUNDARY,
    )


def _answer(row: dict[str, Any], streamed: bool) -> bytes:  # noqa: FBT001
    operation = row["operation"]
    kind = "events" if streamed else "answer"
    if kind in row:
        answer: bytes = row[kind].encode()
    elif operation in (EVENTS if streamed else PLAIN):
        answer = (EVENTS if streamed else PLAIN)[operation]
    else:
        answer = next(
            each[kind].encode()
            for each in (*rows("requests.jsonl"), *rows("answers.jsonl"))
            if each["operation"] == operation and kind in each
        )
    partial = operation.startswith("images/") and streamed and b"completed" not in answer
    return answer + LAST_IMAGE if partial else answer


EXAMPLES = list(examples())
IN_JSON = [example for example in EXAMPLES if example.kind == b"application/json"]
MODELS = sorted({example.model for example in EXAMPLES if example.model is not None})
