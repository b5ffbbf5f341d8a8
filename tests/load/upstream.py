"""A simulated OpenAI that is light enough for load: bare protocol, answers made once.

The simulators of `tests/simulators` keep every request and take ten times the time for each. It
counts what it is asked, and can break its answers: a load test must see that.
"""

import asyncio
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

from typing_extensions import override

KEY = "sk-load-upstream"
ANSWER_S = 0.05
EVENT_S = 0.005
CHAT, STREAM, EMBEDDINGS = "chat", "chat, streamed", "embeddings"
SPEECH, TRANSCRIPTION = "speech", "transcription"
OPERATIONS = {
    CHAT: "ChatCompletion",
    STREAM: "ChatCompletion",
    EMBEDDINGS: "embeddings",
    SPEECH: "audio_tts",
    TRANSCRIPTION: "audio_stt",
}
"""What the ledger calls them."""
_START_S = 10.0
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ASKS_STREAM = re.compile(rb'"stream": ?true')
_ASKS_USAGE = re.compile(rb'"include_usage": ?true')
_BASE64 = re.compile(rb'"encoding_format": ?"base64"')
_WORDS = 20
_USAGE = {"prompt_tokens": 142, "completion_tokens": _WORDS, "total_tokens": 142 + _WORDS}
_OF_CHAT = {"id": "chatcmpl-load", "created": 1_763_928_000, "model": "gpt-4o-mini-2024-07-18"}
_END = b"0\r\n\r\n"


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _whole(body: bytes, kind: str = "application/json", status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _chat(content: str) -> bytes:
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    whole = _OF_CHAT | {"object": "chat.completion", "choices": [choice], "usage": _USAGE}
    return _whole(_json(whole))


def _event(choices: list[dict[str, Any]], **more: object) -> bytes:
    chunk = _OF_CHAT | {"object": "chat.completion.chunk", "choices": choices} | more
    return _chunk(b"data: " + _json(chunk) + b"\n\n")


def _delta(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    return _event([{"index": 0, "delta": delta, "finish_reason": finish_reason}])


def _embeddings(count: int, vector: object) -> bytes:
    data = [{"object": "embedding", "index": each, "embedding": vector} for each in range(count)]
    usage = {"prompt_tokens": 8, "total_tokens": 8}
    model = "text-embedding-3-small"
    return _whole(_json({"object": "list", "data": data, "model": model, "usage": usage}))


def _transcription(text: str) -> bytes:
    usage: dict[str, Any] = {"type": "tokens", "input_tokens": 10, "output_tokens": 4}
    usage |= {"input_token_details": {"text_tokens": 0, "audio_tokens": 10}, "total_tokens": 14}
    return _whole(_json({"text": text, "usage": usage}))


_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
)
_WORD = _delta({"content": " word"})
_EVENTS = [_delta({"role": "assistant", "content": ""}), *[_WORD] * _WORDS, _delta({}, "stop")]
_EVENT_OF_USAGE = _event([], usage=_USAGE)
_DONE = _chunk(b"data: [DONE]\n\n") + _END
_WHOLES = {
    CHAT: _chat(" word" * _WORDS),
    EMBEDDINGS: _embeddings(2, [0.25] * 1536),
    SPEECH: _whole(bytes(20_000), "audio/mpeg"),
    TRANSCRIPTION: _transcription("The quick brown fox."),
}
_IN_BASE64 = _embeddings(2, "AACAPgAAgD4=" * 768)
_BROKEN = {
    CHAT: _chat(""),
    EMBEDDINGS: _embeddings(1, [0.25]),
    SPEECH: _whole(b"", "audio/mpeg"),
    TRANSCRIPTION: _transcription(""),
}
_REFUSED = _whole(
    _json({"error": {"message": "Bad key.", "type": "invalid_request_error", "code": "bad_key"}}),
    status="401 Unauthorized",
)
_UNKNOWN = _whole(b"", status="404 Not Found")


class Upstream:
    """One listener. `counts` says how often each kind was asked for."""

    def __init__(self, *, answer_s: float = ANSWER_S, event_s: float = EVENT_S) -> None:
        self.answer_s = answer_s
        self.event_s = event_s
        self.broken = False
        self.counts: Counter[str] = Counter()
        self.port = 0
        self.lines: set[_Line] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Without a path."""
        return f"http://127.0.0.1:{self.port}"

    def by_operation(self) -> Counter[str]:
        """The counts, by what the ledger calls them."""
        counts = Counter[str]()
        for kind, calls in self.counts.items():
            counts[OPERATIONS[kind]] += calls
        return counts

    async def listen(self) -> None:
        """Accept connections on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Line(self), "127.0.0.1", backlog=4096)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything."""
        if self._server is not None:
            self._server.close()
        for line in tuple(self.lines):
            line.drop()
        await asyncio.sleep(0)  # a transport closes its socket in the next turn of the loop


class _Line(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream = upstream
        self._read = bytearray()
        self._loop = asyncio.get_running_loop()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._upstream.lines.add(self)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._upstream.lines.discard(self)

    def drop(self) -> None:
        """End the connection."""
        self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        end = self._read.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._read[:end])
        found = _LENGTH.search(head)
        body = bytes(self._read[end + 4 :])
        whole = len(body) >= int(found[1]) if found else _is_whole(head, body)
        if whole:
            self._read.clear()
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        kind = _kind_of(head, body)
        if kind is None or KEY.encode() not in head:
            self._write(_UNKNOWN if kind is None else _REFUSED)
            return
        upstream = self._upstream
        upstream.counts[kind] += 1
        if kind == STREAM:
            self._stream(usage=bool(_ASKS_USAGE.search(body)))
            return
        answer = (_BROKEN if upstream.broken else _WHOLES)[kind]
        if kind == EMBEDDINGS and _BASE64.search(body):
            answer = _IN_BASE64
        self._loop.call_later(upstream.answer_s, self._write, answer)

    def _stream(self, *, usage: bool) -> None:
        """The first event after `answer_s`, the others `event_s` apart."""
        events = [_STREAM_HEAD + _EVENTS[0], *_EVENTS[1:]]
        if self._upstream.broken:
            events = [*events[: len(events) // 2], b""]  # then the connection ends
        else:
            events += [_EVENT_OF_USAGE, _DONE] if usage else [_DONE]
        self._loop.call_later(self._upstream.answer_s, self._send, events, 0)

    def _send(self, events: list[bytes], at: int) -> None:
        if self._transport.is_closing():
            return
        if not events[at]:
            self._transport.close()
            return
        self._transport.write(events[at])
        if at + 1 < len(events):
            self._loop.call_later(self._upstream.event_s, self._send, events, at + 1)

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _is_whole(head: bytes, body: bytes) -> bool:
    """Whether a body without a length has come; one in chunks ends in a chunk of nothing."""
    return b"chunked" not in head.lower() or body.endswith(_END)


def _kind_of(head: bytes, body: bytes) -> str | None:
    path = head.split(b" ", 2)[1].removeprefix(b"/v1")
    if path == b"/chat/completions":
        return STREAM if _ASKS_STREAM.search(body) else CHAT
    return {
        b"/embeddings": EMBEDDINGS,
        b"/audio/speech": SPEECH,
        b"/audio/transcriptions": TRANSCRIPTION,
    }.get(path)


@contextmanager
def running(upstream: Upstream) -> Iterator[Upstream]:
    """Serve in a thread of its own while the block runs."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="upstream", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(upstream.listen(), loop).result(_START_S)
        yield upstream
    finally:
        asyncio.run_coroutine_threadsafe(upstream.stop(), loop).result(_START_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_START_S)
        loop.close()


def documents(upstream: Upstream, models: Mapping[str, str]) -> list[dict[str, Any]]:
    """A document for each of the models: `CHAT`, `EMBEDDINGS`, `SPEECH`, `TRANSCRIPTION` → code."""
    costs = {
        CHAT: {"input": 0.00015, "output": 0.0006},
        EMBEDDINGS: {"input": 0.00002},
        SPEECH: {"cost_1Mcharacters": 15},
        TRANSCRIPTION: {"cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 10},
    }
    account = {"secret_name": "LOAD_UPSTREAM_KEY", "endpoint": f"{upstream.url}/v1"}
    return [
        {
            "id": code,
            "code": code,
            "name": f"Load: {kind}",
            "provider": "OpenAI",
            "model_type": "OpenAI",
            "private": False,
            "projects": [],
            "parameters": account | {"model": "gpt-4o-mini"},
            "costs": {"currency": "USD", **costs[kind]},
            "operations": [OPERATIONS[kind]],
        }
        for kind, code in models.items()
    ]
