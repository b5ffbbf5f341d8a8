"""What cannot be said to Claude is a 400 that names the field, before anything is sent."""

from typing import Any

import pytest

from llmproxy.domain.errors import InvalidRequest
from tests.unit.infra.providers.claude.asking import HELLO, Json, chat, sent

SONNET, HAIKU, NEWEST = "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-5-5"
NOW: Json = {"type": "function", "function": {"name": "now"}}


def saying(*parts: Json) -> Json:
    return {"messages": [{"role": "user", "content": list(parts)}]}


def image(url: str) -> Json:
    return saying({"type": "image_url", "image_url": {"url": url}})


def file(**fields: str) -> Json:
    return saying({"type": "file", "file": fields})


def after(message: Json) -> Json:
    return {"messages": [*HELLO["messages"], message]}


def calling(**function: str) -> Json:
    call = {"id": "c", "type": "function", "function": function}
    return after({"role": "assistant", "tool_calls": [call]})


REFUSED: list[tuple[str, Json, str]] = [
    (SONNET, {"n": 2}, "n"),
    (SONNET, {"seed": 1}, "seed"),
    (SONNET, {"logit_bias": {"1": 1}}, "logit_bias"),
    (SONNET, {"presence_penalty": 0.5}, "presence_penalty"),
    (SONNET, {"logprobs": True}, "logprobs"),
    (SONNET, {"temperature": 1.5}, "temperature"),
    (SONNET, {"temperature": 0.5, "top_p": 0.5}, "top_p"),
    (NEWEST, {"temperature": 0.5}, "temperature"),
    (NEWEST, {"top_p": 0.5}, "top_p"),
    (HAIKU, {"temperature": 0.5, "reasoning_effort": "low"}, "temperature"),
    (HAIKU, {"top_p": 0.5, "reasoning_effort": "low"}, "top_p"),
    (HAIKU, {"reasoning_effort": "low", "max_tokens": 1024}, "reasoning_effort"),
    (
        HAIKU,
        {"reasoning_effort": "low", "tools": [NOW], "tool_choice": "required"},
        "reasoning_effort",
    ),
    (HAIKU, {"reasoning_effort": "huge"}, "reasoning_effort"),
    ("claude-3-5-sonnet-20241022", {"reasoning_effort": "low"}, "reasoning_effort"),
    ("claude-sonnet-4-6", {"reasoning_effort": "xhigh"}, "reasoning_effort"),
    (NEWEST, {"reasoning_effort": "none"}, "reasoning_effort"),
    (SONNET, {"stop": ["END", "\n"]}, "stop"),
    (SONNET, {"stop": 1}, "stop"),
    (SONNET, {"response_format": {"type": "json_object"}}, "response_format"),
    (SONNET, {"response_format": {"type": "grammar"}}, "response_format.type"),
    (SONNET, {"response_format": {"type": "json_schema"}}, "response_format.json_schema.schema"),
    (SONNET, {"service_tier": "flex"}, "service_tier"),
    (SONNET, {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0].type"),
    (
        SONNET,
        {
            "tools": [
                {"type": "function", "function": {"name": "x", "parameters": {"type": "string"}}}
            ]
        },
        "tools[0].function.parameters.type",
    ),
    (SONNET, {"tool_choice": "required"}, "tool_choice"),
    (SONNET, {"tools": [NOW], "tool_choice": {"type": "custom"}}, "tool_choice"),
    (
        SONNET,
        {
            "tools": [NOW],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": "x"}}],
                },
            },
        },
        "tool_choice.allowed_tools.tools",
    ),
    (SONNET, {"thinking": 1}, "thinking"),
    (SONNET, {"anthropic_beta": ["a\r\nx-api-key: 1"]}, "anthropic_beta"),
    (
        SONNET,
        saying({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}),
        "messages[0].content[0].type",
    ),
    (SONNET, saying({"type": "text"}), "messages[0].content[0].text"),
    (SONNET, image("data:image/bmp;base64,AA=="), "messages[0].content[0].image_url.url"),
    (SONNET, image("data:image/png,AA"), "messages[0].content[0].image_url.url"),
    (SONNET, image("ftp://example.com/a.png"), "messages[0].content[0].image_url.url"),
    (SONNET, file(file_id="file-1"), "messages[0].content[0].file.file_data"),
    (SONNET, file(file_data="AA==", filename="a.docx"), "messages[0].content[0].file.file_data"),
    (
        SONNET,
        file(file_data="data:text/plain;base64,/w=="),
        "messages[0].content[0].file.file_data",
    ),
    (SONNET, {"messages": [{"role": "user", "content": ""}]}, "messages[0].content"),
    (SONNET, {"messages": [{"role": "system", "content": "Be kind."}]}, "messages"),
    (SONNET, after({"role": "function", "name": "x", "content": ""}), "messages[1].role"),
    (SONNET, after({"role": "tool", "content": "x"}), "messages[1].tool_call_id"),
    (SONNET, calling(name="now", arguments="{"), "messages[1].tool_calls[0].function.arguments"),
    (SONNET, calling(name="now", arguments="[]"), "messages[1].tool_calls[0].function.arguments"),
    (
        SONNET,
        after(
            {
                "role": "assistant",
                "content": "a",
                "thinking_blocks": [{"type": "thinking", "thinking": "unsigned"}],
            }
        ),
        "messages[1].thinking_blocks[0]",
    ),
]


@pytest.mark.parametrize(("name", "change", "param"), REFUSED)
def test_is_refused(name: str, change: Json, param: str) -> None:
    """The field is named, whatever else the request holds."""
    with pytest.raises(InvalidRequest) as refused:
        sent(chat(name), {**HELLO, **change})
    assert refused.value.param == param
    assert refused.value.code


LENIENT: list[tuple[str, Json, str]] = [
    each
    for each in REFUSED
    if each[2] in {"seed", "temperature", "top_p", "reasoning_effort", "service_tier", "stop"}
    and each[1] not in ({"stop": 1}, {"reasoning_effort": "huge"})
]


@pytest.mark.parametrize(("name", "change", "param"), LENIENT)
def test_is_left_out_where_the_document_allows(name: str, change: Json, param: str) -> None:
    """With `drop_unsupported` the request goes on without it, and it is named."""
    made, body = sent(chat(name, drop_unsupported=True), {**HELLO, **change})
    assert param in made.dropped
    assert param not in body
    if param == "reasoning_effort":
        assert not body.keys() & {"thinking", "output_config"}


@pytest.mark.parametrize("value", ["a-1, b-2", ["a-1", "b-2"]])
def test_betas_become_a_header(value: Any) -> None:  # noqa: ANN401
    """`anthropic_beta` of document and request stand in one header, and not in the body."""
    made, body = sent(chat(extra={"anthropic_beta": "c-3"}), {**HELLO, "anthropic_beta": value})
    assert b"anthropic-beta: c-3,a-1,b-2\r\n" in made.target.head
    assert "anthropic_beta" not in body
