"""What is asked and answered, on the spans of requests, where the setting says so."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests import exposition, genai_messages
from tests.api.asking import ask, within
from tests.api.routing.stage import ADMIN_KEY, Stage, staged
from tests.api.tracing import test_application_insights as azure
from tests.api.tracing.collector import Span, apart, arrived
from tests.api.tracing.receiver import Receiver, receiving
from tests.api.tracing.test_spans import STREAM, WORD, settings

CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
ASKED, ANSWERED = "gen_ai.input.messages", "gen_ai.output.messages"
INSTRUCTIONS = "gen_ai.system_instructions"
TRUNCATED = "llmproxy.content.truncated"
ADDRESS = "ana.souza@mail.example"
SECRET = "sk-of-somebody-else-0123456789"
QUESTION: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": f"{WORD} to {ADDRESS} with {SECRET}"},
]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "find_place",
        "parameters": {
            "type": "object",
            "properties": {"town": {"type": "string"}},
            "required": ["town"],
        },
    },
}


def text(content: str) -> dict[str, str]:
    """A part of text."""
    return {"type": "text", "content": content}


def told(receiver: Receiver) -> tuple[Span, list[dict[str, Any]], list[dict[str, Any]]]:
    """The one request, and what it says was asked and answered, by the conventions."""
    [request], [attempt] = apart(arrived(receiver, 2))
    assert not {ASKED, ANSWERED, INSTRUCTIONS} & attempt.attributes.keys()
    said = request.attributes
    asked = genai_messages.read(said[ASKED])
    return request, asked, genai_messages.read(said[ANSWERED], answered=True)


def words_of(answer: Any, *, stream: bool) -> str:  # noqa: ANN401
    """What the SDK has got of the first choice."""
    if not stream:
        return str(answer.choices[0].message.content)
    pieces = [each.choices[0].delta.content for each in answer if each.choices]
    return "".join(filter(None, pieces))


def waiting_bytes(stage: Stage) -> float:
    """How much waits for its span."""
    key = {"authorization": f"Bearer {ADMIN_KEY}"}
    text = ask(stage.gateway.url, "/metrics", headers=key).body.decode()
    return exposition.figures(text, "llmproxy_tracing_")["contents_waiting_bytes"]


def by_spans(receiver: Receiver, **more: str) -> dict[str, str]:
    """A server's settings that lead there, with contents."""
    return settings(receiver, **{CAPTURE: "SPAN_ONLY", **more})


@STREAM
def test_a_conversation(tmp_path: Path, *, stream: bool) -> None:
    """In the conventions' form on the span of the request alone, without secrets and addresses."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, by_spans(collector)) as stage:
        with stage.client(timeout=60) as client:
            answer = client.chat.completions.create(model="m", messages=QUESTION, stream=stream)
            words = words_of(answer, stream=stream)
        assert ADDRESS in words
        request, asked, answered = told(collector)
        redacted = f"{WORD} to [email] with [key]"
        assert asked == [
            {"role": "system", "parts": [text("Be brief.")]},
            {"role": "user", "parts": [text(redacted)]},
        ]
        assert answered == [
            {
                "role": "assistant",
                "parts": [text(words.replace(ADDRESS, "[email]").replace(SECRET, "[key]"))],
                "finish_reason": "stop",
            }
        ]
        assert TRUNCATED not in request.attributes
        assert "leaves with traces" in stage.gateway.log
        assert waiting_bytes(stage) == 0
    for kept in (ADDRESS, SECRET, ADMIN_KEY, "sk-simulator"):
        assert kept.encode() not in collector.everything, kept


@STREAM
def test_a_call_of_a_tool(tmp_path: Path, *, stream: bool) -> None:
    """Its id, name and arguments, in the answer and in what is asked next."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, by_spans(collector)) as stage:
        messages: Any = [{"role": "user", "content": "find_place"}]
        with stage.client(timeout=60) as client:
            making: Any = client.chat.completions.create(
                model="m", messages=messages, tools=[TOOL], stream=stream
            )
            call = of_stream(making) if stream else making.choices[0].message.tool_calls[0]
            call_id, arguments = call.id, json.loads(call.function.arguments)
        _, _, [answered] = told(collector)
        part = {
            "type": "tool_call",
            "id": call_id,
            "name": "find_place",
            "arguments": arguments,
        }
        assert answered == {"role": "assistant", "parts": [part], "finish_reason": "tool_call"}


def of_stream(chunks: Any) -> Any:  # noqa: ANN401
    """The first call of a tool in a stream, its arguments in one piece."""
    pieces = [
        each.choices[0].delta.tool_calls[0]
        for each in chunks
        if each.choices and each.choices[0].delta.tool_calls
    ]
    pieces[0].function.arguments = "".join(each.function.arguments or "" for each in pieces)
    return pieces[0]


@STREAM
def test_a_response(tmp_path: Path, *, stream: bool) -> None:
    """Of the Responses API, whose instructions are apart."""
    with receiving() as collector, staged(tmp_path, {"one": {}}, by_spans(collector)) as stage:
        with stage.client(timeout=60) as client:
            made: Any = client.responses.create(
                model="m", instructions="Be brief.", input=f"To {ADDRESS}", stream=stream
            )
            if stream:
                made = list(made)[-1].response
            words = made.output_text
        request, asked, [answered] = told(collector)
        assert genai_messages.read_parts(request.attributes[INSTRUCTIONS]) == [text("Be brief.")]
        assert asked == [{"role": "user", "parts": [text("To [email]")]}]
        assert answered["parts"] == [text(words.replace(ADDRESS, "[email]"))]
        assert answered["finish_reason"] == "stop"
    assert ADDRESS.encode() not in collector.everything


def test_what_is_cut(tmp_path: Path) -> None:
    """What is longer than the bound of contents is cut, stays JSON, and says so."""
    bound = {"CONTENT_LOG_MAX_BYTES": "1024", "CONTENT_LOG_REDACT": "none"}
    with receiving() as collector, staged(tmp_path, {"one": {}}, by_spans(collector, **bound)) as s:
        with s.client(timeout=60) as client:
            long: Any = [{"role": "user", "content": f"{ADDRESS} and " + "so on " * 1000}]
            client.chat.completions.create(model="m", messages=long)
        request, asked, _ = told(collector)
        assert asked[0]["parts"][0]["content"].startswith(f"{ADDRESS} and so on")
        assert len(request.attributes[ASKED].encode()) <= 1024
        assert request.attributes[TRUNCATED] is True


def test_of_whom(tmp_path: Path) -> None:
    """Of projects that are named only, and of requests that are followed only."""
    for more in ({"CONTENT_LOG_PROJECTS": "others"}, {"OTEL_TRACES_SAMPLER": "always_off"}):
        with receiving() as collector:
            with staged(tmp_path, {"one": {}}, by_spans(collector, **more)) as stage:
                ask_all(stage)
                followed = "OTEL_TRACES_SAMPLER" not in more
                assert within(30, lambda: bool(collector.bodies("/v1/metrics")))
                if followed:
                    arrived(collector, 2)
                assert waiting_bytes(stage) == 0
            assert WORD.encode() not in collector.everything


def ask_all(stage: Stage) -> None:
    """A chat completion with the word."""
    with stage.client(timeout=60) as client:
        answer = client.chat.completions.create(model="m", messages=QUESTION)
    assert WORD in str(answer.choices[0].message.content)


def test_a_refusal_and_a_failure(tmp_path: Path) -> None:
    """What was asked is told; an error is no message, and its span is as ever."""
    one = {"one": {"routing": {"retries": 0}}}
    with receiving() as collector, staged(tmp_path, one, by_spans(collector)) as stage:
        stage.providers["one"].fail_next("status", status=500)
        with stage.client(timeout=60) as client, pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="m", messages=QUESTION)
        [request], [_] = apart(arrived(collector, 2))
        assert ANSWERED not in request.attributes
        assert WORD in request.attributes[ASKED]
        assert request.attributes["llmproxy.outcome"] == "failed"


def test_by_azure(tmp_path: Path) -> None:
    """The exporter leaves contents whole that are longer than its other values may be."""
    with receiving(azure.TAKEN) as portal:
        ours = azure.settings(portal, **{CAPTURE: "true"})
        with staged(tmp_path, {"one": {}}, ours) as stage:
            long: Any = [{"role": "user", "content": f"{WORD} " * 1000}]
            with stage.client(timeout=60) as client:
                client.chat.completions.create(model="m", messages=long)
            assert within(30, lambda: len(azure.items(portal, "RequestData")) == 1)
            [request] = azure.items(portal, "RequestData")
            asked = request["data"]["baseData"]["properties"][ASKED]
            assert len(asked) > 8192
            [message] = genai_messages.read(asked)
            assert message["parts"][0]["content"] == f"{WORD} " * 1000


@pytest.mark.parametrize("word", ["", "NO_CONTENT", "false"])
def test_off(tmp_path: Path, word: str) -> None:
    """Not a word of contents leaves, and nothing warns of it."""
    with receiving() as collector:
        with staged(tmp_path, {"one": {}}, settings(collector, **{CAPTURE: word})) as stage:
            ask_all(stage)
            arrived(collector, 2)
            assert "leaves with traces" not in stage.gateway.log
        for kept in (WORD, "Be brief", "Simulated", ASKED, ANSWERED, TRUNCATED):
            assert kept.encode() not in collector.everything, kept
