"""Contents on spans: kept within bounds, redacted, cut, and never at the cost of a span."""

import json
import re
from typing import Any

import pytest

from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.telemetry.content.on_spans import (
    ANSWERED,
    ASKED,
    INSTRUCTIONS,
    MAX_WAITING_BYTES,
    TRUNCATED,
    WORDS,
    SpanContents,
)
from llmproxy.infra.telemetry.content.patterns import BUILT_IN, Pattern
from llmproxy.infra.telemetry.content.reading import MAX_PARSED_BYTES
from llmproxy.infra.telemetry.content.redaction import Redaction
from tests import genai_messages
from tests.unit.infra.telemetry.content.test_content_log import Recorded
from tests.unit.infra.telemetry.content.test_joining import chunk
from tests.unit.infra.telemetry.content.test_reading import stream
from tests.unit.infra.telemetry.visits import call, closed

CONVERSATIONS = {Endpoint.CHAT_COMPLETIONS, Endpoint.COMPLETIONS, Endpoint.RESPONSES}
QUIET = {"contents_waiting_bytes": 0, "contents_dropped": 0, "contents_broken": 0}


def keeping(**options: Any) -> SpanContents:  # noqa: ANN401
    """Contents with all that can be taken out."""
    redaction = Redaction(list(BUILT_IN.values()), spared=WORDS)
    return SpanContents(redaction, **{"max_bytes": 64 * 1024, **options})


def visit(question: object, answer: object = None, **more: Any) -> Recorded:  # noqa: ANN401
    """A request that has ended."""
    raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    said: dict[str, Any] = {"answered": [raw], "answered_bytes": len(raw), "call": call(closed())}
    return Recorded(asked=json.dumps(question).encode(), **{**said, **more})


def chat(content: str) -> dict[str, Any]:
    """A chat completion."""
    return {"model": "mini", "messages": [{"role": "user", "content": content}]}


def told(contents: SpanContents, *visits: Recorded) -> list[dict[str, Any]]:
    """What the spans of these requests say."""
    for number, each in enumerate(visits):
        contents.keep(number, each)
    return [dict(contents.attributes(number)) for number, _ in enumerate(visits)]


def test_a_request() -> None:
    """Question and answer, redacted; asked for again there is nothing left."""
    contents = keeping()
    message = {"role": "assistant", "content": "Card 4111 1111 1111 1111"}
    answer = {"choices": [{"message": message, "finish_reason": "stop"}]}
    [said] = told(contents, visit(chat("I am a@b.example, sk-0123456789abcdefghij"), answer))
    assert sorted(said) == [ASKED, ANSWERED]
    [asked] = genai_messages.read(said[ASKED])
    assert asked["parts"][0]["content"] == "I am [email], [key]"
    [answered] = genai_messages.read(said[ANSWERED], answered=True)
    assert answered["parts"][0]["content"] == "Card [credit_card]"
    assert contents.attributes(0) == {}
    assert contents.counts() == QUIET


def test_a_stream() -> None:
    """What is spread over two events is found."""
    raw = stream(chunk(content="joao@exam"), chunk(content="ple.com", reason="stop"))
    head = b"content-type: text/event-stream; charset=utf-8"
    pieces = [raw[:20], raw[20:]]
    [said] = told(keeping(), visit(chat("Hi"), raw, head=head, answered=pieces))
    assert "[email]" in said[ANSWERED]
    assert "joao" not in said[ANSWERED]
    assert TRUNCATED not in said


def test_arguments_of_tools_are_redacted() -> None:
    """They are JSON in a text, and its escapes hide nothing."""
    function = {"name": "mail", "arguments": '{"to": "joao\\u0040example.com"}'}
    message = {"tool_calls": [{"id": "call_1", "function": function}]}
    answer = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    [said] = told(keeping(), visit(chat("Hi"), answer))
    [answered] = genai_messages.read(said[ANSWERED], answered=True)
    assert answered["parts"][0]["arguments"] == {"to": "[email]"}


def test_instructions_are_redacted() -> None:
    """They are told apart from the conversation."""
    made = call(closed())
    made.endpoint = Endpoint.RESPONSES
    request = {"instructions": "Write to a@b.example", "input": "Hi"}
    [said] = told(keeping(), visit(request, {"status": "completed", "output": []}, call=made))
    assert genai_messages.read_parts(said[INSTRUCTIONS]) == [
        {"type": "text", "content": "Write to [email]"}
    ]
    assert sorted(said) == [ASKED, INSTRUCTIONS]


def test_expressions_that_match_words_of_the_form() -> None:
    """They take such words out of what was said, and the form stays what it is."""
    own = [Pattern("word", re.compile("text|user"))]
    contents = SpanContents(Redaction([], own, WORDS), max_bytes=1024)
    [said] = told(contents, visit(chat("a text for the user"), {}))
    assert genai_messages.read(said[ASKED]) == [
        {"role": "user", "parts": [{"type": "text", "content": "a [word] for the [word]"}]}
    ]


def test_what_is_too_long() -> None:
    """It is cut, and says so."""
    [said] = told(keeping(max_bytes=1024), visit(chat("word " * 1000), {}))
    assert len(said[ASKED].encode()) <= 1024
    genai_messages.read(said[ASKED])
    assert said[TRUNCATED] is True


def test_what_is_far_too_long() -> None:
    """Of more than a MiB nothing is kept; of a stream that was kept in part, that part."""
    contents = keeping()
    large = visit(chat("x" * MAX_PARSED_BYTES), b"y" * (MAX_PARSED_BYTES + 1))
    raw = stream(chunk(content="Once"))
    head = b"content-type: text/event-stream"
    partly = visit(chat("Hi"), raw, head=head, answered_bytes=10_000_000)
    contents.keep(7, large)
    assert contents.counts()["contents_waiting_bytes"] < MAX_PARSED_BYTES
    assert contents.attributes(7) == {TRUNCATED: True}
    [said] = told(contents, partly)
    assert "Once" in said[ANSWERED]
    assert said[TRUNCATED] is True


def test_whose() -> None:
    """Of projects that are named only."""
    other = Caller("key_2", "beta", None, admin=False, expires_at=None)
    contents = keeping(projects=frozenset({"beta"}))
    none, some = told(contents, visit(chat("Hi")), visit(chat("Hi"), caller=other))
    assert none == {}
    assert ASKED in some


@pytest.mark.parametrize("endpoint", sorted(set(Endpoint) - CONVERSATIONS))
def test_what_is_no_conversation(endpoint: Endpoint) -> None:
    """Of nothing else anything is told."""
    made = call(closed())
    made.endpoint = endpoint
    request = {"input": "Hi", "messages": [{"role": "user", "content": "Hi"}], "prompt": "Hi"}
    assert told(keeping(), visit(request, call=made)) == [{}]


def test_what_never_became_a_call() -> None:
    """Its caller or model is unknown."""
    refused = visit(chat("Hi"), call=None), visit(chat("Hi"), caller=None)
    assert told(keeping(), *refused) == [{}, {}]


def test_bounded() -> None:
    """At most 64 MiB wait, by the sizes of their bodies; the others are counted."""
    contents = keeping()
    large = visit(chat("x" * (MAX_PARSED_BYTES - 1000)), {})
    for number in range(80):
        contents.keep(number, large)
    counts = contents.counts()
    assert counts["contents_waiting_bytes"] <= MAX_WAITING_BYTES
    assert 15 < counts["contents_dropped"] < 20
    assert contents.attributes(79) == {TRUNCATED: True}
    for number in range(79):
        contents.forget(number)
    assert contents.counts()["contents_waiting_bytes"] == 0
    contents.keep(100, large)
    assert ASKED in contents.attributes(100)


class Careless(Redaction):
    """It fails at what it is given."""

    def value(self, value: Any, depth: int = 0) -> Any:  # noqa: ANN401
        """Raise ValueError, with what was asked in its words."""
        raise ValueError(f"{value} {depth}")


def test_what_cannot_be_read(caplog: pytest.LogCaptureFixture) -> None:
    """The span says that something is missing, it is counted, and no log says the words."""
    contents = SpanContents(Careless([]), max_bytes=1024)
    assert told(contents, visit(chat("papaya")), visit(chat("papaya"))) == [{TRUNCATED: True}] * 2
    assert contents.counts() == {**QUIET, "contents_broken": 2}
    assert caplog.text.count("contents cannot be told on spans: ValueError") == 1
    assert "papaya" not in caplog.text


@pytest.mark.parametrize("answer", [b"\xff{", b"[1]", b"null", b"[" * 10_000])
def test_what_is_no_answer(answer: bytes) -> None:
    """The question is told all the same."""
    [said] = told(keeping(), visit(chat("Hi"), answer))
    assert sorted(said) == [ASKED]
