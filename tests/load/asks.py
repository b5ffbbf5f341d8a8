"""What the users of `tests/locustfile.py` ask, and when an answer is a failure.

Fields and shapes are those of OpenAI's API description 2.3.0. Nothing here knows locust.
"""

import io
import json
import os
import wave
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

CHATS = "/v1/chat/completions"
BOUNDARY = "llmproxy-load-5f2d7c9b1e8a4c60"
Judge = Callable[[bytes, Mapping[str, Any]], str | None]
"""What is wrong with a whole answer, of its body and headers; None: nothing."""
TEXTS = ["The quick brown fox", "jumps over the lazy dog."]
_DONE = b"[DONE]"


class Ask(NamedTuple):
    """What a kind of users asks, and who judges the answer."""

    name: str
    path: str
    body: bytes
    judge: Judge
    content_type: str = "application/json"


def number(name: str, default: float) -> float:
    """A variable that is a number and not negative. Ends the program where it is neither."""
    text = os.environ.get(name, "")
    try:
        value = float(text) if text else default
    except ValueError:
        raise SystemExit(f"{name} is no number: {text!r}") from None
    if value < 0:
        raise SystemExit(f"{name} is below 0: {text}")
    return value


def share(kind: str, default: int) -> int:
    """The share of a kind of users."""
    return int(number(f"LOAD_WEIGHT_{kind}", default))


def model(kind: str) -> str:
    """The model that a kind of users asks; the default is what `scripts/load` registers."""
    return os.environ.get(f"LOAD_MODEL_{kind}") or f"load-{kind.lower()}"


def headers() -> dict[str, str]:
    """The key, where there is one."""
    key = os.environ.get("LLMPROXY_KEY")
    return {"Authorization": f"Bearer {key}"} if key else {}


def chat(*, stream: bool = False) -> Ask:
    """A completion of about 700 bytes of question."""
    fields: dict[str, Any] = {
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": "Lorem ipsum dolor sit amet. " * 20},
        ],
        "max_tokens": 150,
    }
    if stream:
        return Ask("chat, streamed", CHATS, _body("CHAT", **fields, stream=True), wrong_chat)
    return Ask("chat", CHATS, _body("CHAT", **fields), wrong_chat)


def embeddings() -> Ask:
    """Embeddings of two texts."""
    return Ask("embeddings", "/v1/embeddings", _body("EMBEDDINGS", input=TEXTS), wrong_embeddings)


def speech() -> Ask:
    """A sentence that is read aloud."""
    sent = _body("SPEECH", input="The quick brown fox.", voice="alloy")
    return Ask("speech", "/v1/audio/speech", sent, wrong_speech)


def transcription() -> Ask:
    """A second of sound that is written down, in a form as the SDKs send it."""
    start = f"--{BOUNDARY}\r\nContent-Disposition: form-data; name="
    field = f'{start}"model"\r\n\r\n{model("TRANSCRIPTION")}\r\n'
    file = f'{start}"file"; filename="second.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    sent = (field + file).encode() + _sound() + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"multipart/form-data; boundary={BOUNDARY}"
    return Ask("transcription", "/v1/audio/transcriptions", sent, wrong_transcription, kind)


def _body(kind: str, **fields: object) -> bytes:
    """A request as the SDKs encode it: no blanks between tokens."""
    return json.dumps({"model": model(kind)} | fields, separators=(",", ":")).encode()


def _sound() -> bytes:
    """Silence: WAV, 8 kHz, 16 bits, one channel."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(8_000)
        written.writeframes(bytes(16_000))
    return file.getvalue()


def refused(status: int, body: bytes) -> str:
    """Why a status other than 200 is no answer, with OpenAI's code."""
    try:
        code = json.loads(body)["error"]["code"]
    except (ValueError, KeyError, TypeError):
        code = "a body that is no error of OpenAI's"
    return f"status {status}: {code}"


def wrong_chat(body: bytes, _: Mapping[str, Any]) -> str | None:
    """A completion says something, why it ended, and what it used."""
    said: Any = json.loads(body)
    choice = said["choices"][0]
    if not choice["message"]["content"] or not choice["finish_reason"]:
        return "a completion without content"
    return None if said["usage"]["total_tokens"] else "a completion without usage"


def wrong_embeddings(body: bytes, _: Mapping[str, Any]) -> str | None:
    """One vector for each text."""
    whole = [each for each in json.loads(body)["data"] if each["embedding"]]
    return None if len(whole) == len(TEXTS) else f"{len(whole)} embeddings for {len(TEXTS)} texts"


def wrong_speech(body: bytes, given: Mapping[str, Any]) -> str | None:
    """Sound of some bytes."""
    kind = str(given.get("content-type"))
    if not kind.startswith("audio/"):
        return f"speech as {kind}"
    return None if body else "speech of no bytes"


def wrong_transcription(body: bytes, _: Mapping[str, Any]) -> str | None:
    """What was said."""
    return None if json.loads(body)["text"] else "a transcription without text"


class Chunks:
    """What has been read of a stream of chat completions."""

    def __init__(self) -> None:
        self.text = ""
        self.finished = self.done = False

    def take(self, event: bytes) -> str | None:
        """Read one event; what is wrong with it."""
        kind, _, data = event.strip().partition(b": ")
        if kind != b"data":
            return None  # a comment
        if self.done:
            return "an event after [DONE]"
        if data == _DONE:
            self.done = True
            return None
        chunk: Any = json.loads(data)
        if "error" in chunk:
            return f"an error in the stream: {chunk['error'].get('code')}"
        for choice in chunk["choices"]:
            self.text += choice["delta"].get("content") or ""
            self.finished = self.finished or bool(choice["finish_reason"])
        return None

    def wrong(self) -> str | None:
        """What is missing now that it has ended."""
        if not self.done:
            return "a stream without [DONE]"
        if not self.finished:
            return "a stream without finish_reason"
        return None if self.text else "a stream without content"


def judged(judge: Callable[[], str | None]) -> str | None:
    """What is wrong, also where a body has another shape."""
    try:
        return judge()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        return f"a body of another shape: {type(error).__name__}"
