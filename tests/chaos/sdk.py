"""The official SDK's word: on calls that it makes itself, and on every stream that broke."""

import asyncio
from typing import Any

import httpx2
import openai
from openai.types.chat import ChatCompletionChunk

from tests.chaos.client import PATIENCE_S, Call, Ending
from tests.chaos.wire import text_of


class Sdk:
    """openai-python against the gateway, its own retries off."""

    def __init__(self, base_url: str) -> None:
        self._client = openai.AsyncOpenAI(
            base_url=base_url, api_key="sk-none", max_retries=0, timeout=PATIENCE_S
        )
        self._replaying = openai.OpenAI(base_url=base_url, api_key="sk-none", max_retries=0)

    async def ask(self, call: Call) -> None:
        """Ask, and note in the call how it ended, by what the SDK gives or raises alone."""
        messages: list[Any] = [{"role": "user", "content": f"call {call.number}"}]
        said = ""
        try:
            raw = await self._client.chat.completions.with_raw_response.create(
                model="model",
                messages=messages,
                stream=call.stream,
                extra_headers={"x-llmproxy-tag": str(call.number)},
            )
            call.request_id = raw.headers.get("x-request-id", "")
            answer = raw.parse()
            if call.stream:
                async for chunk in answer:
                    said += "".join(each.delta.content or "" for each in chunk.choices)
            else:
                said = answer.choices[0].message.content
        except openai.APIConnectionError as error:
            call.code = f"{type(error).__name__}: {error}"
        except openai.APIError as error:
            if isinstance(error, openai.APIStatusError):
                call.request_id = error.request_id or ""
            call.code = error.code
            call.ending = Ending.RAISED if said else Ending.TOLD
        except (LookupError, TypeError, ValueError) as error:
            call.code = f"{type(error).__name__}: {error}"
        else:
            call.ending = Ending.ANSWERED if said == text_of(call.number) else Ending.SILENT

    async def raises_on(self, body: bytes) -> bool:
        """Whether the SDK, given a stream with these bytes, raises at its end."""
        return await asyncio.to_thread(self._raises_on, body)

    def _raises_on(self, body: bytes) -> bool:
        answer = httpx2.Response(
            200,
            headers={"content-type": "text/event-stream; charset=utf-8"},
            content=body,
            request=httpx2.Request("POST", "http://gateway/v1/chat/completions"),
        )
        stream = openai.Stream(cast_to=ChatCompletionChunk, response=answer, client=self._replaying)
        try:
            for _ in stream:
                pass
        except openai.APIError:
            return True
        return False

    async def close(self) -> None:
        """Close both clients."""
        await self._client.close()
        self._replaying.close()
