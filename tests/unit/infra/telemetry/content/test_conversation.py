"""Requests and answers become messages of the conventions."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.telemetry.content.conversation import answer_of, instructions_of, question_of
from tests import genai_messages

PICTURE = "data:image/png;base64,iVBORw0KGgo="


def text(content: str) -> dict[str, Any]:
    """A part of text."""
    return {"type": "text", "content": content}


def asked(**request: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The messages of a request, checked."""
    return genai_messages.read(json.dumps(question_of(request)))


def answered(**answer: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """The messages of an answer, checked."""
    return genai_messages.read(json.dumps(answer_of(answer)), answered=True)


def user(*parts: dict[str, Any]) -> list[dict[str, Any]]:
    """The parts of a message of a chat completion."""
    message: dict[str, Any] = asked(messages=[{"role": "user", "content": list(parts)}])[0]
    return list(message["parts"])


def test_a_conversation() -> None:
    """Roles stay as they are, also of those who instruct: they belong to the conversation."""
    call = {"id": "call_1", "type": "function"}
    call |= {"function": {"name": "find", "arguments": '{"in": "Lyon"}'}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": [{"type": "text", "text": "In French."}]},
        {"role": "user", "content": "Where?", "name": "ana"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "there"},
        {"role": "assistant", "content": "Well.", "reasoning_content": "Hm."},
    ]
    assert asked(messages=messages) == [
        {"role": "system", "parts": [text("Be brief.")]},
        {"role": "developer", "parts": [text("In French.")]},
        {"role": "user", "parts": [text("Where?")], "name": "ana"},
        {
            "role": "assistant",
            "parts": [
                {
                    "type": "tool_call",
                    "id": "call_1",
                    "name": "find",
                    "arguments": {"in": "Lyon"},
                }
            ],
        },
        {
            "role": "tool",
            "parts": [{"type": "tool_call_response", "id": "call_1", "response": "there"}],
        },
        {"role": "assistant", "parts": [{"type": "reasoning", "content": "Hm."}, text("Well.")]},
    ]
    assert instructions_of({"messages": messages}) == []


def test_older_and_custom_tools() -> None:
    """A function call without an id, and the tools whose input is text."""
    custom = {"id": "call_2", "type": "custom", "custom": {"name": "run", "input": "{1"}}
    old = {"name": "find", "arguments": ""}
    message = {"role": "assistant", "tool_calls": [custom], "function_call": old}
    told = asked(messages=[message, {"role": "function", "name": "find", "content": "x"}])
    assert told[0]["parts"] == [
        {"type": "tool_call", "id": "call_2", "name": "run", "arguments": "{1"},
        {"type": "tool_call", "id": None, "name": "find", "arguments": ""},
    ]
    assert told[1]["parts"] == [{"type": "tool_call_response", "id": None, "response": "x"}]


def test_media_of_a_chat_completion() -> None:
    """By kind and place, never their bytes; an address without query, password and fragment."""
    place = "https://me:word@pictures.example/a/b.png?sig=1#c"
    assert user(
        {"type": "text", "text": "See:"},
        {"type": "image_url", "image_url": {"url": place}},
        {"type": "image_url", "image_url": {"url": PICTURE}},
        {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg=="}},
        {"type": "hologram", "hologram": "secret"},
        {"text": "no type"},
    ) == [
        text("See:"),
        {"type": "uri", "modality": "image", "uri": "https://pictures.example/a/b.png"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
        {"type": "blob", "modality": "audio", "mime_type": "audio/wav", "content": ""},
        {"type": "file", "modality": "document", "file_id": "file-1"},
        {"type": "blob", "modality": "document", "mime_type": "application/pdf", "content": ""},
        {"type": "hologram"},
        {"type": "unknown"},
    ]


def test_input_of_the_responses_api() -> None:
    """A text, or items; `instructions` are apart from the conversation."""
    assert asked(input="Hello") == [{"role": "user", "parts": [text("Hello")]}]
    assert instructions_of({"instructions": "Be brief.", "input": "x"}) == [text("Be brief.")]
    listed = [{"role": "developer", "content": [{"type": "input_text", "text": "Brief."}]}]
    assert instructions_of({"instructions": listed}) == [text("Brief.")]
    items = [
        {"role": "user", "content": [{"type": "input_text", "text": "Where?"}]},
        {
            "type": "message",
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": PICTURE},
                {"type": "input_image", "file_id": "file-2"},
                {"type": "input_file", "file_url": "https://files.example/a.pdf?sig=1"},
            ],
        },
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "there"},
        {
            "type": "function_call_output",
            "call_id": "c2",
            "output": [{"type": "input_text", "text": "x"}],
        },
        {"type": "item_reference", "id": "rs_1"},
    ]
    told = asked(input=items)
    assert [each["role"] for each in told] == [
        "user", "user", "assistant", "assistant", "tool", "tool", "assistant",
    ]  # fmt: skip
    assert [part for each in told for part in each["parts"]] == [
        text("Where?"),
        {"type": "blob", "modality": "image", "mime_type": "image/png", "content": ""},
        {"type": "file", "modality": "image", "file_id": "file-2"},
        {"type": "uri", "modality": "document", "uri": "https://files.example/a.pdf"},
        {"type": "reasoning", "content": "Hm."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {}},
        {"type": "tool_call_response", "id": "c1", "response": "there"},
        {"type": "tool_call_response", "id": "c2", "response": [text("x")]},
        {"type": "item_reference"},
    ]


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("Once", [text("Once")]),
        (["Once", "Twice"], [text("Once"), text("Twice")]),
        ([1, 2, 3], [{"type": "tokens", "count": 3}]),
        ([[1, 2, 3], [4]], [{"type": "tokens", "count": 4}]),
    ],
)
def test_a_prompt(prompt: object, parts: list[dict[str, Any]]) -> None:
    """Texts; tokens by their number."""
    assert asked(prompt=prompt) == [{"role": "user", "parts": parts}]


@pytest.mark.parametrize("request_", [{}, {"input": None}, {"messages": "x"}, {"prompt": []}])
def test_nothing_is_asked(request_: dict[str, Any]) -> None:
    """What a provider refuses is no message."""
    assert asked(**request_) == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("content_filter", "content_filter"),
        ("tool_calls", "tool_call"),
        ("function_call", "tool_call"),
        ("end_turn", "end_turn"),
        (None, "error"),
    ],
)
def test_why_a_choice_ends(reason: str | None, told: str) -> None:
    """In the conventions' words; a provider's own stay; what broke off is an error."""
    choice = {"message": {"role": "assistant", "content": "Hi"}, "finish_reason": reason}
    assert answered(choices=[choice]) == [
        {"role": "assistant", "parts": [text("Hi")], "finish_reason": told}
    ]


def test_choices() -> None:
    """A message for each; refusals, sound with its words, and texts of completions."""
    refused = {"message": {"content": None, "refusal": "No."}, "finish_reason": "stop"}
    spoken = {"message": {"audio": {"data": "UklGRg==", "transcript": "Hi"}}}
    plain = {"text": "upon a time", "finish_reason": "length"}
    assert [each["parts"] for each in answered(choices=[refused, spoken, plain])] == [
        [{"type": "refusal", "content": "No."}],
        [{"type": "blob", "modality": "audio", "mime_type": None, "content": ""}, text("Hi")],
        [text("upon a time")],
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"status": "completed"}, "stop"),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        (
            {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}},
            "content_filter",
        ),
        ({"status": "failed", "incomplete_details": None}, "error"),
        ({}, "error"),
    ],
)
def test_why_a_response_ends(answer: dict[str, Any], told: str) -> None:
    """By its status and what is said of it."""
    output = [{"type": "message", "role": "assistant", "content": [_said("Hi")]}]
    assert answered(**answer, output=output) == [
        {"role": "assistant", "parts": [text("Hi")], "finish_reason": told}
    ]


def _said(words: str) -> dict[str, Any]:
    return {"type": "output_text", "text": words, "annotations": []}


def test_items_of_a_response() -> None:
    """One message of all; of the provider's own tools the call and not what came of it."""
    output = [
        {"type": "reasoning", "summary": [], "encrypted_content": "gAAAA"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"query": "q"}},
        {"type": "image_generation_call", "id": "ig_1", "result": "iVBORw0KGgo="},
        {"type": "mcp_call", "id": "m_1", "name": "roll", "arguments": '{"d": 6}', "output": "4"},
        {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]},
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
    ]
    [message] = answered(status="completed", output=output)
    assert message["finish_reason"] == "tool_call"
    search = {"type": "web_search_call", "action": {"query": "q"}}
    picture = {"type": "image_generation_call"}
    roll = {"type": "mcp_call", "name": "roll", "arguments": {"d": 6}}
    assert message["parts"] == [
        {
            "type": "server_tool_call",
            "id": "ws_1",
            "name": "web_search_call",
            "server_tool_call": search,
        },
        {
            "type": "server_tool_call",
            "id": "ig_1",
            "name": "image_generation_call",
            "server_tool_call": picture,
        },
        {"type": "server_tool_call", "id": "m_1", "name": "mcp_call", "server_tool_call": roll},
        {"type": "refusal", "content": "No."},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1}},
    ]


def test_an_error_is_no_answer() -> None:
    """Nor is a response that has only begun."""
    assert answered(error={"message": "no"}) == []
    assert answered(status="queued", output=[]) == []


NAMES = (
    "messages", "prompt", "input", "instructions", "choices", "output", "message", "content",
    "role", "type", "text", "tool_calls", "function", "arguments", "image_url", "file", "summary",
    "input_audio", "audio", "status", "incomplete_details", "finish_reason", "delta", "index",
    "function_call", "response", "item", "tool_call_id", "action",
)  # fmt: skip
KINDS = ("message", "reasoning", "function_call", "web_search_call", "input_file", "image_url",
         "input_audio", "refusal", "response.completed", "tool", "completed")  # fmt: skip
LEAVES = st.none() | st.booleans() | st.integers() | st.sampled_from(KINDS) | st.text(max_size=5)
ANY = st.recursive(
    LEAVES,
    lambda deeper: (
        st.lists(deeper, max_size=3) | st.dictionaries(st.sampled_from(NAMES), deeper, max_size=5)
    ),
    max_leaves=30,
)


@given(st.dictionaries(st.sampled_from(NAMES), ANY, max_size=6))
def test_whatever_is_said(body: dict[str, Any]) -> None:
    """Nothing that is JSON is too strange, and all that is told has the conventions' form."""
    asked(**body)
    answered(**body)
    genai_messages.read_parts(json.dumps(instructions_of(body)))
