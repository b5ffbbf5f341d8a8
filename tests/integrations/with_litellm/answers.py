"""What LiteLLM's SDK gets of the gateway, as one line of JSON: answers.py MODEL EMBEDDER."""

import asyncio
import json
import os
import sys
from typing import Any

import litellm

MESSAGES = [{"role": "user", "content": "hello there"}]
TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "vegan": {"type": "boolean"}},
    "required": ["name", "vegan"],
    "additionalProperties": False,
}
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "recipe", "strict": True, "schema": SCHEMA},
}
CHAT, EMBEDDER = sys.argv[1:3]
GATEWAY = {
    "api_base": os.environ["GATEWAY_BASE_URL"],
    "api_key": os.environ["LLMPROXY_API_KEY"],
    "max_retries": 0,
}


def text_of(chunks: list[Any]) -> str:
    """The text of a stream's chunks."""
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


async def asynchronously() -> tuple[str, list[int]]:
    """A stream, with the usage at its end."""
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    stream = await litellm.acompletion(f"openai/{CHAT}", MESSAGES, **usage, **GATEWAY)
    chunks = [chunk async for chunk in stream]
    found = [chunk.usage for chunk in chunks if getattr(chunk, "usage", None)]
    return text_of(chunks), [found[-1].prompt_tokens, found[-1].completion_tokens]


def tools() -> dict[str, Any]:
    """A call of a tool, and the answer to what the tool said."""
    asked: list[Any] = [{"role": "user", "content": "use get_weather"}]
    first = litellm.completion(f"openai/{CHAT}", asked, tools=[TOOL], **GATEWAY)
    message = first.choices[0].message
    [call] = message.tool_calls
    told = {"role": "tool", "tool_call_id": call.id, "content": "It is sunny."}
    asked += [message.model_dump(exclude_none=True), told]
    last = litellm.completion(f"openai/{CHAT}", asked, tools=[TOOL], **GATEWAY)
    arguments = json.loads(call.function.arguments)
    return {
        "name": call.function.name,
        "arguments": arguments,
        "said": last.choices[0].message.content,
    }


def main() -> None:
    """Ask for everything, and report."""
    plain = litellm.completion(f"openai/{CHAT}", MESSAGES, **GATEWAY)
    chunks = list(litellm.completion(f"openai/{CHAT}", MESSAGES, stream=True, **GATEWAY))
    streamed, counted = asyncio.run(asynchronously())
    shaped = litellm.completion(f"openai/{CHAT}", MESSAGES, response_format=FORMAT, **GATEWAY)
    vectors = litellm.embedding(f"openai/{EMBEDDER}", ["one", "two"], **GATEWAY)
    report = {
        "text": plain.choices[0].message.content,
        "usage": [plain.usage.prompt_tokens, plain.usage.completion_tokens],
        "streamed": text_of(chunks),
        "chunks": len(chunks),
        "finish": chunks[-1].choices[0].finish_reason,
        "streamedAsynchronously": streamed,
        "usageOfTheStream": counted,
        "tools": tools(),
        "object": json.loads(shaped.choices[0].message.content),
        "lengths": [len(each["embedding"]) for each in vectors.data],
    }
    sys.stdout.write(json.dumps(report) + "\n")


main()
