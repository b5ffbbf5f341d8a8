"""Whatever stands where something was expected: it is refused or answered, and nothing crashes."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import Broken, InvalidRequest
from tests.unit.infra.providers.responses_over_chat.chatting import (
    Chatting,
    Json,
    event,
    events_in,
    read,
    says,
)

WORDS = (
    *("type", "function", "name", "arguments", "role", "user", "assistant", "content", "text"),
    *("input_text", "output_text", "message", "reasoning", "summary", "format", "json_schema"),
    *("function_call", "function_call_output", "call_id", "output", "id", "effort", "tools"),
    *("allowed_tools", "auto", "required", "input_image", "image_url", "refusal", "stop", "data"),
    *("token", "logprob", "top_logprobs", "bytes", "thinking", "signature", "url_citation"),
)
SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-1, 1) | st.sampled_from(WORDS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=4)
    ),
    max_leaves=12,
)
REQUESTED = (
    *("input", "instructions", "tools", "tool_choice", "text", "reasoning", "include", "store"),
    *("truncation", "background", "metadata", "top_logprobs", "max_output_tokens", "user"),
)
SAID = (
    *("content", "refusal", "reasoning_content", "reasoning", "thinking_blocks", "tool_calls"),
    *("annotations", "extra_content"),
)


@given(st.dictionaries(st.sampled_from(REQUESTED), VALUES, max_size=4))
def test_any_request(fields: Json) -> None:
    """It is asked and answered, or refused with a name."""
    chatting = Chatting()
    request = {"model": "mini", "input": "x"} | fields
    refused: InvalidRequest | None = None
    try:
        chatting.whole(request, says("x"))
    except InvalidRequest as error:
        refused = error
    assert bool(chatting.chat.calls) is (refused is None)
    assert refused is None or refused.param


@given(st.dictionaries(st.sampled_from(SAID), VALUES, max_size=3), VALUES, VALUES)
def test_any_answer(message: Json, logprobs: Any, finish: Any) -> None:  # noqa: ANN401 - any JSON
    """It becomes a response, or is the provider's failure; in events as in one piece."""
    further = {"logprobs": logprobs, "finish_reason": finish}
    whole = {"choices": [{"message": message, **further}]}
    parts = event({"choices": [{"delta": message, **further}]})
    try:
        body = Chatting().whole({"model": "mini", "input": "x"}, whole).body
    except Broken:
        body = b""
    try:
        said = asyncio.run(read(Chatting().streamed([parts, None])))
    except Broken:
        assert not body
    else:
        output = events_in(said)[-1]["response"]["output"]
        assert [item["type"] for item in json.loads(body)["output"]] == [
            item["type"] for item in output
        ]
