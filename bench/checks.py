"""A gateway is measured only after it has given the right answers."""

import http.client
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bench import payload
from bench.processes import NotStartedError, Started

_OK = 200
_REFUSALS = (400, 401, 403)  # LiteLLM without a database says 400 to an unknown key
_POLL_S = 0.005
_NO_HEADERS: Mapping[str, str] = {}
_COUNTS = (payload.INPUT_TOKENS, payload.OUTPUT_TOKENS)


class WrongAnswerError(RuntimeError):
    """A gateway answered something that must not be measured; the message says what."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    content_type: str
    body: bytes


def ask(
    url: str,
    key: str,
    body: bytes,
    *,
    authority: Path | None = None,
    timeout_s: float = 30.0,
    more: Mapping[str, str] = _NO_HEADERS,
) -> Reply:
    """Post once over a connection of its own. Raises OSError or http.client.HTTPException."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=authority)
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, port, timeout=timeout_s, context=context
        )
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout_s)
    try:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json", **more}
        connection.request("POST", parts.path, body, headers)
        response = connection.getresponse()
        kind = response.getheader("content-type", "")
        return Reply(response.status, kind, response.read())
    finally:
        connection.close()


def first_200(url: str, key: str, started: Started, limit_s: float) -> float:
    """Seconds from now until a chat completion is answered with 200. Raises NotStartedError."""
    began = time.perf_counter()
    last = "nothing listened"
    while (waited := time.perf_counter() - began) < limit_s:
        if started.process.poll() is not None:
            raise NotStartedError(f"ended at once:\n{started.log_end()}")
        try:
            reply = ask(url, key, payload.request_body())
        except (OSError, http.client.HTTPException) as error:
            last = repr(error)
        else:
            if reply.status == _OK:
                return time.perf_counter() - began
            last = f"{reply.status}: {reply.body[:300]!r}"
        time.sleep(_POLL_S)
    raise NotStartedError(f"no 200 in {waited:.0f} s, last: {last}\n{started.log_end()}")


def _chunks(body: bytes) -> list[dict[str, Any]]:
    return [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]


def _streamed_text(body: bytes) -> str:
    return "".join(
        choice["delta"].get("content") or ""
        for chunk in _chunks(body)
        for choice in chunk["choices"]
    )


def _check_whole(reply: Reply, *, same_bytes: bool) -> None:
    if reply.status != _OK:
        raise WrongAnswerError(f"status {reply.status}: {reply.body[:300]!r}")
    wanted = payload.answer_body()
    if same_bytes:
        if reply.body != wanted:
            raise WrongAnswerError(f"the answer's bytes differ: {reply.body[:300]!r}")
        return
    got, expected = json.loads(reply.body), json.loads(wanted)
    if got["choices"][0]["message"]["content"] != expected["choices"][0]["message"]["content"]:
        raise WrongAnswerError(f"another text: {reply.body[:300]!r}")
    if got["usage"]["total_tokens"] != expected["usage"]["total_tokens"]:
        raise WrongAnswerError(f"another usage: {reply.body[:300]!r}")


def _check_stream(reply: Reply, *, same_bytes: bool) -> None:
    if reply.status != _OK or not reply.content_type.startswith("text/event-stream"):
        raise WrongAnswerError(f"no stream but {reply.status} {reply.content_type}")
    if not reply.body.endswith(payload.DONE):
        raise WrongAnswerError(f"the stream does not end in [DONE]: {reply.body[-300:]!r}")
    if same_bytes and reply.body != b"".join(payload.stream_events()) + payload.DONE:
        raise WrongAnswerError(f"the stream's bytes differ: {reply.body[:400]!r}")
    if _streamed_text(reply.body) != payload.streamed_text():
        raise WrongAnswerError(f"another text: {reply.body[:400]!r}")


def check(
    url: str,
    key: str,
    *,
    same_bytes: bool,
    knows_keys: bool = False,
    authority: Path | None = None,
    model: str = payload.MODEL,
) -> None:
    """Whole answer, stream, and a wrong key where keys count. Raises WrongAnswerError."""
    whole = ask(url, key, payload.request_body(model=model), authority=authority)
    _check_whole(whole, same_bytes=same_bytes)
    # Where answers are kept, the stream would be made of the whole answer.
    body = payload.request_body(stream=True, model=model)
    stream = ask(url, key, body, authority=authority, more={"x-llmproxy-cache": "off"})
    _check_stream(stream, same_bytes=same_bytes)
    if knows_keys:
        refused = ask(url, key[:-1], payload.request_body(model=model), authority=authority)
        if refused.status not in _REFUSALS:
            raise WrongAnswerError(f"a wrong key was answered with {refused.status}")


def check_again(url: str, key: str) -> None:
    """Check the answer to a question that was asked before. Raises WrongAnswerError."""
    _check_whole(ask(url, key, payload.request_body()), same_bytes=True)


def check_translated(url: str, key: str, model: str) -> None:
    """Check the same for a model that is translated, and that its usage is right."""
    whole = ask(url, key, payload.request_body(model=model))
    _check_whole(whole, same_bytes=False)
    usage = json.loads(whole.body)["usage"]
    if (usage["prompt_tokens"], usage["completion_tokens"]) != _COUNTS:
        raise WrongAnswerError(f"{model}: another usage: {usage}")
    stream = ask(url, key, payload.request_body(stream=True, model=model, with_usage=True))
    if stream.status != _OK or not stream.body.endswith(payload.DONE):
        raise WrongAnswerError(f"{model}: no whole stream: {stream.status} {stream.body[-300:]!r}")
    if _streamed_text(stream.body) != payload.streamed_text(model):
        raise WrongAnswerError(f"{model}: another text: {stream.body[:400]!r}")
    chunks = _chunks(stream.body)
    finishes = [choice.get("finish_reason") for chunk in chunks for choice in chunk["choices"]]
    if [reason for reason in finishes if reason] != ["stop"]:
        raise WrongAnswerError(f"{model}: the stream ends with {finishes}")
    counted = [chunk["usage"]["total_tokens"] for chunk in chunks if chunk.get("usage")]
    if not counted or counted[-1] != payload.INPUT_TOKENS + payload.CHUNKS:
        raise WrongAnswerError(f"{model}: another usage in the stream: {counted}")
    refused = ask(url, key[:-1], payload.request_body(model=model))
    if refused.status not in _REFUSALS:
        raise WrongAnswerError(f"{model}: a wrong key was answered with {refused.status}")
