"""What a model that only chats cannot do is refused before it is asked, by name."""

import asyncio
from typing import Any

import pytest

from llmproxy.domain.errors import Broken, Busy, InvalidRequest, OperationNotSupported, Refused
from llmproxy.domain.operation import Endpoint
from tests.fakes.upstream import FakeBody, FakeEvents
from tests.unit.infra.providers.responses_over_chat.chatting import (
    Chatting,
    Json,
    failing,
)

USER = {"role": "user", "content": "x"}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{"}


def _content(*parts: Json, role: str = "user") -> Json:
    return {"input": [USER, {"role": role, "content": [*parts]}]}


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"background": True}, "background", "unsupported_parameter"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "unsupported_parameter"),
        ({"prompt": {"id": "p"}}, "prompt", "unsupported_parameter"),
        ({"max_tool_calls": 1}, "max_tool_calls", "unsupported_parameter"),
        ({"context_management": [{}]}, "context_management", "unsupported_parameter"),
        ({"truncation": "auto"}, "truncation", "unsupported_parameter"),
        ({"reasoning": {"context": "all_turns"}}, "reasoning.context", "unsupported_parameter"),
        ({"reasoning": {"mode": "pro"}}, "reasoning.mode", "unsupported_parameter"),
        ({"reasoning": "high"}, "reasoning", "invalid_type"),
        ({"text": {"format": {"type": ["x"]}}}, "text.format.type", "invalid_value"),
        ({"include": [{}]}, "include[0]", "invalid_value"),
        ({"reasoning": {"summary": "auto", "depth": [1]}}, "reasoning.depth", None),
        ({"tool_choice": ["auto"]}, "tool_choice", "invalid_value"),
        ({"tools": [{"type": "function", "name": "f", "async": [1]}]}, "tools[0].async", None),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type", "invalid_value"),
        ({"text": {"format": "text"}}, "text.format", "invalid_type"),
        ({"text": {"style": "dry"}}, "text.style", "unsupported_parameter"),
        ({"include": ["file_search_call.results"]}, "include[0]", "invalid_value"),
        ({"include": "x"}, "include", "invalid_type"),
        ({"n": 2}, "n", "unknown_parameter"),
        ({"messages": []}, "messages", "unknown_parameter"),
        ({"max_tokens": 9}, "max_tokens", "unknown_parameter"),
        ({"instructions": ["x"]}, "instructions", "invalid_type"),
        ({"tools": {}}, "tools", "invalid_type"),
        ({"tools": ["f"]}, "tools[0]", "invalid_type"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type", "invalid_value"),
        ({"tools": [{"type": "custom", "name": "c"}]}, "tools[0].type", "invalid_value"),
        (
            {"tools": [{"type": "function", "name": "f", "defer_loading": True}]},
            "tools[0].defer_loading",
            "unsupported_parameter",
        ),
        ({"tool_choice": "required"}, "tool_choice", "invalid_value"),
        ({"tool_choice": {"type": "function", "name": "f"}}, "tool_choice", "invalid_value"),
        ({"tool_choice": 1}, "tool_choice", "invalid_value"),
        ({"tool_choice": {"type": "mcp"}}, "tool_choice.type", "invalid_value"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.name", "invalid_type"),
        ({"tool_choice": {"type": "allowed_tools"}}, "tool_choice.tools", "invalid_type"),
        (
            {"tool_choice": {"type": "allowed_tools", "tools": [{"type": "mcp"}]}},
            "tool_choice.tools[0].type",
            "invalid_value",
        ),
        ({"input": []}, "input", "empty_array"),
        ({"input": 5}, "input", "invalid_value"),
        ({"input": ["x"]}, "input[0]", "invalid_type"),
        ({"input": [USER, {"content": "x"}]}, "input[1].type", "invalid_value"),
        ({"input": [{"type": "item_reference", "id": "m"}]}, "input[0].type", "invalid_value"),
        ({"input": [{"type": "web_search_call"}]}, "input[0].type", "invalid_value"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role", "invalid_value"),
        ({"input": [{"role": "user"}]}, "input[0].content", "missing_required_parameter"),
        ({"input": [{"role": "user", "content": 1}]}, "input[0].content", "invalid_type"),
        ({"input": [CALL | {"name": None}]}, "input[0].name", "missing_required_parameter"),
        (
            {"input": [{"type": "function_call_output", "output": "x"}]},
            "input[0].call_id",
            "missing_required_parameter",
        ),
        (
            {"input": [{"type": "function_call_output", "call_id": "c"}]},
            "input[0].output",
            "missing_required_parameter",
        ),
        (_content({"type": "output_text", "text": "x"}), "input[1].content[0].type", None),
        (
            _content({"type": "input_text", "text": "x"}, role="assistant"),
            "input[1].content[0].type",
            None,
        ),
        (_content({"type": "input_text"}), "input[1].content[0].text", None),
        (_content({"type": "refusal"}, role="assistant"), "input[1].content[0].refusal", None),
        (_content({"type": "input_image", "file_id": "f"}), "input[1].content[0].file_id", None),
        (_content({"type": "input_image"}), "input[1].content[0].image_url", None),
        (_content({"type": "input_file", "file_id": "f"}), "input[1].content[0].file_id", None),
        (_content({"type": "input_file", "file_url": "u"}), "input[1].content[0].file_url", None),
        (_content({"type": "input_file"}), "input[1].content[0].file_data", None),
        (_content({"type": "input_audio"}), "input[1].content[0].input_audio", None),
    ],
)
def test_refused_by_name(fields: Json, param: str, code: str | None) -> None:
    """A 400 that names the field; the model is not asked."""
    chatting = Chatting()
    error = failing(chatting, {"model": "mini", "input": "x"} | fields)
    assert isinstance(error, InvalidRequest)
    assert error.param == param
    assert code in (None, error.code)
    assert not chatting.chat.calls


def test_an_item_that_cannot_be_read() -> None:
    """Nested too deeply, or with half a character: a refusal like any other."""
    chatting = Chatting()
    deep = (
        b'{"role":"user","content":"x","extra_content":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001
    )
    half = b'{"role":"user","content":"\\ud800"}'
    for item in (deep, half):
        asked = chatting.call({"model": "mini", "input": "x"})
        asked.body = FakeBody({"model": b'"mini"', "input": b"[" + item + b"]"})
        with pytest.raises(InvalidRequest) as refused:
            asyncio.run(chatting.over.answer(asked))
        assert refused.value.param == "input"


def test_nothing_is_kept_is_said() -> None:
    """Who goes on from a response is told what to do instead."""
    error = failing(Chatting(), {"model": "mini", "input": "x", "previous_response_id": "resp_1"})
    assert "keeps no responses: send the earlier items in `input`" in error.message


@pytest.mark.parametrize(
    ("param", "words", "back"),
    [
        ("max_tokens", "Invalid 'max_tokens': too much.", "max_output_tokens"),
        ("reasoning_effort", "'reasoning_effort' is not known.", "reasoning.effort"),
        ("response_format", "Invalid 'response_format': no.", "text.format"),
        ("messages[0]", "Invalid 'messages[0]': no.", "instructions"),
        ("messages[1].content[0].text", "no", "input[0].content[0].text"),
        ("messages[2].tool_calls[1].function.arguments", "no", "input[2].arguments"),
        ("messages[9]", "no", "input[9]"),
        ("messages[0].tool_calls[0].id", "no", "instructions.id"),
        ("tools[0].function.name", "Invalid 'tools[0].function.name': no.", "tools[0].name"),
        ("messages", "Invalid 'messages': no.", "input"),
        ("temperature", "Invalid 'temperature': no.", "temperature"),
        (None, "no", None),
    ],
)
def test_the_chats_own_refusals_name_the_clients_fields(
    param: str | None, words: str, back: str | None
) -> None:
    """By the names and numbers that the client knows, in the words too."""
    chatting = Chatting()
    chatting.chat.reply = InvalidRequest(words, param=param, code="c", hint="Mend `max_tokens`.")
    error = failing(
        chatting,
        {
            "model": "mini",
            "instructions": "i",
            "input": [USER, CALL, CALL | {"call_id": "d"}],
        },
    )
    assert isinstance(error, InvalidRequest)
    assert (error.param, error.code, error.hint) == (back, "c", "Mend `max_output_tokens`.")
    if param is not None and param in words:
        assert f"'{back}'" in error.message


def test_a_providers_refusal_keeps_its_status() -> None:
    """Only the name of the field changes."""
    chatting = Chatting()
    said = {"message": "Too long.", "param": "messages", "code": "c", "type": "t"}
    chatting.chat.reply = Refused("Too long.", status=413, error=said)
    error = failing(chatting, {"model": "mini", "input": "x"})
    assert isinstance(error, Refused)
    assert (error.upstream_status, error.param) == (413, "input")
    assert error.error == said | {"param": "input"}


def test_other_failures_pass() -> None:
    """A busy provider is a busy provider, when it is asked and when it streams."""
    chatting = Chatting()
    busy = chatting.chat.reply = Busy("Later.", retry_after_s=3.0)
    assert failing(chatting, {"model": "mini", "input": "x"}) is busy
    chatting.chat.streams.append(busy)
    with pytest.raises(Busy):
        asyncio.run(chatting.over.stream(chatting.call({"model": "mini", "input": "x"})))


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"choices": []},
        {"choices": [{"index": 0}]},
        {"choices": [{"message": {"content": "x"}, "finish_reason": None}]},
        {"choices": [{"message": {"content": 1}, "finish_reason": "stop"}]},
        {
            "choices": [
                {
                    "message": {"content": "x"},
                    "logprobs": {"content": [{"token": "x", "top_logprobs": [1]}]},
                    "finish_reason": "stop",
                }
            ]
        },
        {"choices": [{"message": {"tool_calls": [{"id": "c"}]}, "finish_reason": "stop"}]},
        [],
    ],
)
def test_no_answer_is_made_of_nonsense(answer: Any) -> None:  # noqa: ANN401 - any JSON
    """It is the provider's failure."""
    with pytest.raises(Broken):
        Chatting().whole({"model": "mini", "input": "x"}, answer)


@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES_COMPACT, Endpoint.RESPONSES_INPUT_TOKENS])
def test_what_a_chat_cannot_do_at_all(endpoint: Endpoint) -> None:
    """Neither whole nor in events."""
    chatting = Chatting()
    asked = chatting.call({"model": "mini", "input": "x"}, endpoint)
    with pytest.raises(OperationNotSupported):
        asyncio.run(chatting.over.answer(asked))
    with pytest.raises(OperationNotSupported):
        asyncio.run(chatting.over.stream(asked))


def test_other_endpoints_are_left_alone() -> None:
    """The very call and the very answer."""
    chatting = Chatting()
    asked = chatting.call({"model": "mini"}, Endpoint.CHAT_COMPLETIONS)
    events = FakeEvents([], None)
    chatting.chat.streams.append(events)
    assert asyncio.run(chatting.over.answer(asked)) is chatting.chat.reply
    assert asyncio.run(chatting.over.stream(asked)) is events
    assert chatting.chat.calls == [asked, asked]
