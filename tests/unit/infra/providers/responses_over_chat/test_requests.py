"""What single fields of a request become, and what is left out because it asks for nothing."""

import pytest

from tests.unit.infra.providers.responses_over_chat.chatting import Chatting, Json, says

USER = {"role": "user", "content": "x"}


@pytest.mark.parametrize(
    "fields",
    [
        {"tools": [], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tool_choice": "none"},
        {"reasoning": {"mode": "standard", "context": "auto", "effort": None}},
        {"text": {"format": {"type": "text"}, "verbosity": None}},
        {"top_logprobs": 0, "include": [], "truncation": "disabled", "background": False},
        {"store": False, "metadata": {"a": "b"}, "stream_options": {}, "max_tool_calls": None},
    ],
)
def test_what_asks_for_nothing_is_not_sent(fields: Json) -> None:
    """Defaults of a response, which a chat might refuse, are left out."""
    chatting = Chatting()
    chatting.whole({"model": "mini", "input": "x"} | fields, says("x"))
    assert chatting.asked == {"model": "mini", "messages": [USER]}


@pytest.mark.parametrize(
    ("fields", "sent"),
    [
        (
            {"text": {"format": {"type": "json_object"}}},
            {"response_format": {"type": "json_object"}},
        ),
        ({"include": ["message.output_text.logprobs"]}, {"logprobs": True}),
        ({"top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"reasoning": {"effort": "none"}}, {"reasoning_effort": "none"}),
    ],
)
def test_single_fields(fields: Json, sent: Json) -> None:
    """What each becomes by itself."""
    chatting = Chatting()
    chatting.whole({"model": "mini", "input": "x"} | fields, says("x"))
    assert chatting.asked == {"model": "mini", "messages": [USER]} | sent


def test_tools_in_full() -> None:
    """A cache mark stands beside the function, as in chats; which tools are allowed is nested."""
    chatting = Chatting()
    tool = {"type": "function", "name": "f", "parameters": None, "allowed_callers": ["direct"]}
    chatting.whole(
        {
            "model": "mini",
            "input": "x",
            "tools": [tool | {"cache_control": {"type": "ephemeral"}}],
            "tool_choice": {
                "type": "allowed_tools",
                "mode": "required",
                "tools": [{"type": "function", "name": "f"}],
            },
        },
        says("x"),
    )
    named = {"type": "function", "function": {"name": "f"}}
    assert chatting.asked["tools"] == [named | {"cache_control": {"type": "ephemeral"}}]
    allowed = {"mode": "required", "tools": [named]}
    assert chatting.asked["tool_choice"] == {"type": "allowed_tools", "allowed_tools": allowed}
