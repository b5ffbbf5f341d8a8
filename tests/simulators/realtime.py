"""A realtime session as OpenAI and Azure hold it: JSON events over a WebSocket.

Events and their order: OpenAI's API description 2.3.0 (RealtimeServerEvent…, RealtimeClientEvent…)
and its guide "Realtime conversations". The model answers as the simulated chat model does, and
calls the functions whose names stand in the last text; a token of audio is 100 ms of input or 50 ms
of output (24 kHz PCM16), as its page on costs says.
"""

import base64
import itertools
import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.example import example_of
from tests.simulators.frames import BINARY, ClosedError, Talk
from tests.simulators.model import tokens_of

Json = dict[str, Any]

REALTIME_MODELS: Mapping[str, str] = {
    "gpt-realtime": "gpt-realtime-2025-08-28",
    "gpt-realtime-mini": "gpt-realtime-mini-2025-10-06",
}
INPUT_TOKEN_BYTES = 4_800
OUTPUT_TOKEN_BYTES = 2_400
MAX_AUDIO_BYTES = 15 * 1024 * 1024
SECOND_OF_AUDIO = 48_000


class RealtimeSession:
    """One session. `model` is the snapshot that answers, None when it only transcribes."""

    def __init__(self, model: str | None) -> None:
        self._numbers = itertools.count(1)
        kind = "realtime" if model else "transcription"
        self.session: Json = {
            "type": kind,
            "object": f"realtime.{'session' if model else 'transcription_session'}",
            "id": "sess_simulated",
            "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}},
        }
        if model:
            self.session |= {"model": model, "output_modalities": ["audio"], "instructions": ""}
        self._audio_bytes = 0
        self._text_tokens = 0
        self._audio_tokens = 0
        self._cached = 0
        self._last_text = "audio"

    async def run(self, talk: Talk) -> None:
        """Talk until the client closes."""
        self._talk = talk
        await self._say("session.created", session=self.session)
        try:
            while True:
                opcode, message = await talk.receive()
                await self._hear(opcode, message)
        except ClosedError:
            pass

    async def _say(self, kind: str, **fields: Any) -> None:  # noqa: ANN401 - JSON
        event = {"type": kind, "event_id": f"event_{next(self._numbers)}", **fields}
        await self._talk.send(json.dumps(event, ensure_ascii=False).encode())

    async def _hear(self, opcode: int, message: bytes) -> None:
        try:
            event = json.loads(message) if opcode != BINARY else None
        except ValueError:
            event = None
        if not isinstance(event, dict):
            await self._complain("invalid_event", "The event is not a JSON object.", None)
            return
        handler = {
            "session.update": self._update,
            "conversation.item.create": self._create_item,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "response.create": self._respond,
        }.get(event.get("type", ""))
        if handler is None:
            words = f"Invalid value: '{event.get('type')}'."
            await self._complain("invalid_value", words, "type")
            return
        await handler(event)

    async def _complain(self, code: str, message: str, param: str | None) -> None:
        error = {"type": "invalid_request_error", "code": code, "message": message, "param": param}
        await self._say("error", error=error | {"event_id": None})

    async def _update(self, event: Json) -> None:
        session = event.get("session", {})
        if session.get("type") != self.session["type"]:
            words = f"Passing a {self.session['type']} session update event is required."
            await self._complain("invalid_session_type", words, "session.type")
        elif session.get("model") not in (None, *self._names()):
            words = "A session's model cannot be changed."
            await self._complain("session_cannot_update_model", words, "session.model")
        else:
            model = self.session.get("model")
            self.session |= session | ({"model": model} if model else {})
            await self._say("session.updated", session=self.session)

    def _names(self) -> list[str]:
        snapshot = self.session.get("model")
        return [name for pair in REALTIME_MODELS.items() if snapshot in pair for name in pair]

    async def _create_item(self, event: Json) -> None:
        item = {"id": f"item_{next(self._numbers)}", "object": "realtime.item"} | event["item"]
        for part in item.get("content", []):
            self._last_text = part.get("text", "audio")
            self._text_tokens += len(tokens_of(part.get("text", "")))
        if "output" in item:  # of a function that was called
            self._last_text = item["output"]
            self._text_tokens += len(tokens_of(item["output"]))
        await self._say("conversation.item.added", previous_item_id=None, item=item)
        await self._say("conversation.item.done", previous_item_id=None, item=item)

    async def _append(self, event: Json) -> None:
        audio = base64.b64decode(event["audio"])
        if len(audio) > MAX_AUDIO_BYTES:
            await self._complain("invalid_value", "The audio is too long.", "audio")
            return
        self._audio_bytes += len(audio)

    async def _commit(self, _: Json) -> None:
        item_id = f"item_{next(self._numbers)}"
        tokens = -(-self._audio_bytes // INPUT_TOKEN_BYTES)
        seconds = self._audio_bytes / SECOND_OF_AUDIO
        self._audio_tokens += tokens
        self._audio_bytes = 0
        self._last_text = "audio"
        await self._say("input_audio_buffer.committed", previous_item_id=None, item_id=item_id)
        wanted = self.session["audio"]["input"].get("transcription")
        if wanted is None:
            return
        usage: Json = {"type": "duration", "seconds": seconds}
        if wanted.get("model") != "whisper-1":
            usage = {
                "type": "tokens",
                "total_tokens": tokens + 2,
                "input_tokens": tokens,
                "output_tokens": 2,
                "input_token_details": {"text_tokens": 0, "audio_tokens": tokens},
            }
        kind = "conversation.item.input_audio_transcription.completed"
        said = "simulated transcript"
        await self._say(kind, item_id=item_id, content_index=0, transcript=said, usage=usage)

    async def _respond(self, event: Json) -> None:
        if self.session["type"] != "realtime":
            await self._complain("invalid_value", "This session only transcribes.", "type")
            return
        wanted = event.get("response") or {}
        modalities = wanted.get("output_modalities") or self.session["output_modalities"]
        response: Json = {
            "id": f"resp_{next(self._numbers)}",
            "object": "realtime.response",
            "status": "in_progress",
            "status_details": None,
            "output": [],
            "output_modalities": modalities,
            "usage": None,
        }
        await self._say("response.created", response=response)
        called = self._called(wanted)
        speaks = modalities == ["audio"] and not called
        if called:
            output, words = await self._call(response["id"], called)
        else:
            item, words = await self._speak(response["id"], speaks=speaks)
            output = [item]
        usage = self._usage(words, speaks=speaks)
        done = response | {"status": "completed", "output": output, "usage": usage}
        await self._say("response.done", response=done)

    def _called(self, wanted: Json) -> list[Json]:
        tools = wanted.get("tools") or self.session.get("tools") or []
        return [tool for tool in tools if tool["name"] in self._last_text]

    async def _call(self, response_id: str, called: list[Json]) -> tuple[list[Json], list[str]]:
        """Call functions: their items, and the tokens of what they are given."""
        items, words = [], list[str]()
        for index, tool in enumerate(called):
            number = next(self._numbers)
            item: Json = {
                "id": f"item_{number}",
                "object": "realtime.item",
                "type": "function_call",
                "status": "in_progress",
                "call_id": f"call_{number}",
                "name": tool["name"],
                "arguments": "",
            }
            at: Json = {"response_id": response_id, "output_index": index}
            await self._say("response.output_item.added", **at, item=item)
            named = {**at, "item_id": item["id"], "call_id": item["call_id"]}
            given = json.dumps(example_of(tool.get("parameters") or {"type": "object"}))
            kind = "response.function_call_arguments"
            for word in tokens_of(given):
                words.append(word)
                await self._say(f"{kind}.delta", **named, delta=word)
            await self._say(f"{kind}.done", **named, name=tool["name"], arguments=given)
            items.append(item | {"status": "completed", "arguments": given})
            await self._say("response.output_item.done", **at, item=items[-1])
        return items, words

    async def _speak(self, response_id: str, *, speaks: bool) -> tuple[Json, list[str]]:
        words = tokens_of(f"Simulated answer to: {self._last_text}")
        at: Json = {"response_id": response_id, "output_index": 0}
        item: Json = {
            "id": f"item_{next(self._numbers)}",
            "object": "realtime.item",
            "type": "message",
            "status": "in_progress",
            "role": "assistant",
            "content": [],
        }
        await self._say("response.output_item.added", **at, item=item)
        at = {**at, "item_id": item["id"], "content_index": 0}
        kind = "response.output_audio_transcript" if speaks else "response.output_text"
        for word in words:
            await self._say(f"{kind}.delta", **at, delta=word)
            if speaks:
                audio = base64.b64encode(bytes(2 * OUTPUT_TOKEN_BYTES)).decode()
                await self._say("response.output_audio.delta", **at, delta=audio)
        text = "".join(words)
        done = {"transcript": text} if speaks else {"text": text}
        await self._say(f"{kind}.done", **at, **done)
        content = {"type": "output_audio" if speaks else "output_text", **done}
        item |= {"status": "completed", "content": [content]}
        await self._say("response.output_item.done", **at, item=item)
        return item, list(words)

    def _usage(self, words: list[str], *, speaks: bool) -> Json:
        total_in = self._text_tokens + self._audio_tokens
        cached, self._cached = self._cached, total_in
        audio_out = 2 * len(words) if speaks else 0
        usage: Json = {
            "total_tokens": total_in + len(words) + audio_out,
            "input_tokens": total_in,
            "output_tokens": len(words) + audio_out,
            "input_token_details": {
                "text_tokens": self._text_tokens,
                "audio_tokens": self._audio_tokens,
                "image_tokens": 0,
                "cached_tokens": cached,
                "cached_tokens_details": {
                    "text_tokens": cached,
                    "audio_tokens": 0,
                    "image_tokens": 0,
                },
            },
            "output_token_details": {"text_tokens": len(words), "audio_tokens": audio_out},
        }
        self._text_tokens += len(words)
        return usage
