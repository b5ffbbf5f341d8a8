"""What cannot be said to Gemini is a 400 that names the field."""

from typing import Any

import pytest

from llmproxy.domain.errors import InvalidRequest
from tests.unit.infra.providers.gemini.asking import HELLO, Json, chat, sent

CALL: Json = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
ASKED: Json = {"role": "user", "content": "Hello"}
CALLED: Json = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT: Json = {"role": "tool", "tool_call_id": "c1", "content": "x"}
TOOL: Json = {"type": "function", "function": {"name": "f"}}


def user(part: Json) -> list[Json]:
    return [{"role": "user", "content": [part]}]


def with_arguments(text: str) -> list[Json]:
    call = {**CALL, "function": {"name": "f", "arguments": text}}
    return [ASKED, {**CALLED, "tool_calls": [call]}, RESULT]


def image(url: str, **more: str) -> list[Json]:
    return user({"type": "image_url", "image_url": {"url": url, **more}})


PNG = "data:image/png;base64,QUJD"
MESSAGES: list[tuple[list[Json], str]] = [
    ([{"role": "function", "content": "x", "name": "f"}], "messages[0].role"),
    ([{"role": "user", "content": ""}], "messages"),
    ([{"role": "user", "content": 5}], "messages[0].content"),
    (
        [{"role": "system", "content": [{"type": "image_url"}]}, ASKED],
        "messages[0].content[0].type",
    ),
    (user({"type": "video_url"}), "messages[0].content[0].type"),
    (user({"type": "text"}), "messages[0].content[0].text"),
    (user({"type": "image_url"}), "messages[0].content[0].image_url"),
    (image("https://x.example/picture"), "messages[0].content[0].image_url.url"),
    (image("ftp://x.example/p.png"), "messages[0].content[0].image_url.url"),
    (image("data:image/png,abc"), "messages[0].content[0].image_url.url"),
    (image("data:;base64,QUJD"), "messages[0].content[0].image_url.url"),
    (image(PNG, detail="close"), "messages[0].content[0].image_url.detail"),
    (user({"type": "input_audio"}), "messages[0].content[0].input_audio"),
    (
        user({"type": "input_audio", "input_audio": {"data": "QUJD", "format": "midi"}}),
        "messages[0].content[0].input_audio.format",
    ),
    (user({"type": "file", "file": {"file_id": "f"}}), "messages[0].content[0].file.file_data"),
    (
        user({"type": "file", "file": {"file_data": "QUJD", "filename": "x"}}),
        "messages[0].content[0].file.file_data",
    ),
    ([ASKED, RESULT], "messages[1].tool_call_id"),
    ([ASKED, CALLED], "messages[1]"),
    ([ASKED, CALLED, ASKED], "messages[1]"),
    ([ASKED, CALLED, RESULT, RESULT], "messages[3].tool_call_id"),
    ([ASKED, {**CALLED, "tool_calls": [CALL, CALL]}], "messages[1].tool_calls[1].id"),
    (
        [ASKED, {**CALLED, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f"}}]}],
        "messages[1].tool_calls[0].type",
    ),
    (with_arguments("{"), "messages[1].tool_calls[0].function.arguments"),
    (with_arguments("[1]"), "messages[1].tool_calls[0].function.arguments"),
    (
        [ASKED, CALLED, {**RESULT, "content": [{"type": "image_url"}]}],
        "messages[2].content[0].type",
    ),
]


@pytest.mark.parametrize(("messages", "param"), MESSAGES, ids=[param for _, param in MESSAGES])
def test_messages(messages: list[Json], param: str) -> None:
    """A part of the conversation that Gemini has no word for, or that makes no sense."""
    with pytest.raises(InvalidRequest) as raised:
        sent(chat(), {"messages": messages})
    assert raised.value.param == param


def allowed(mode: str, *names: str) -> Json:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


FIELDS: list[tuple[Json, str]] = [
    ({"tools": [{"type": "custom", "custom": {"name": "f"}}]}, "tools[0].type"),
    ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ({"tools": [{"function": {"name": "f"}}]}, "tools[0]"),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": [1]}}]},
        "tools[0].function.parameters",
    ),
    ({"tool_choice": "required"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": "any"}, "tool_choice"),
    ({"tools": [TOOL], "tool_choice": {"type": "custom"}}, "tool_choice"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice",
    ),
    ({"tools": [TOOL], "tool_choice": allowed("never", "f")}, "tool_choice.allowed_tools.mode"),
    ({"tools": [TOOL], "tool_choice": allowed("auto")}, "tool_choice.allowed_tools.tools"),
    ({"tools": [TOOL], "parallel_tool_calls": False}, "parallel_tool_calls"),
    ({"response_format": {"type": "xml"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"top_k": "many"}, "top_k"),
    ({"seed": 2**31}, "seed"),
    ({"seed": 1.5}, "seed"),
    ({"stop": 5}, "stop"),
    ({"reasoning_effort": "xhigh"}, "reasoning_effort"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"logit_bias": {"1": 1}}, "logit_bias"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"functions": [{"name": "f"}]}, "functions"),
    ({"service_tier": "flex"}, "service_tier"),
    ({"google": {"thought_tag_marker": "x"}}, "google"),
    ({"google": {}, "extra_body": {"google": {}}}, "extra_body.google"),
    ({"extra_body": {"other": 1}}, "extra_body"),
    (
        {"reasoning_effort": "low", "google": {"thinking_config": {"thinking_budget": 1}}},
        "reasoning_effort",
    ),
    ({"labels": {"a": 1}}, "labels[]"),
]


@pytest.mark.parametrize(("fields", "param"), FIELDS, ids=[str(fields) for fields, _ in FIELDS])
def test_fields(fields: dict[str, Any], param: str) -> None:
    """A field that Gemini has no word for, or a value that cannot be said."""
    with pytest.raises(InvalidRequest) as raised:
        sent(chat(), {**HELLO, **fields})
    assert raised.value.param == param


def test_a_model_that_always_thinks() -> None:
    """From Gemini 3 on, thinking cannot be turned off; where the document allows, that is told."""
    body = {**HELLO, "reasoning_effort": "none"}
    with pytest.raises(InvalidRequest) as raised:
        sent(chat("gemini-3-flash-preview"), body)
    assert raised.value.param == "reasoning_effort"
    made, body = sent(chat("gemini-3-flash-preview", drop_unsupported=True), body)
    assert (made.dropped, "generationConfig" in body) == (("reasoning_effort",), False)
