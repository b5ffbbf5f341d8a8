"""Generated bodies through the gateway, byte for byte: whatever JSON allows, as it was written."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.api.proof.conftest import UPSTREAM_MODEL, Stage, whole
from tests.api.proof.texts import changed, top_level
from tests.api.raw import exchange, post
from tests.api.upstream_faults.scripted import events

OPERATIONS = {
    "chat/completions": b'"messages":[ {"role":"user","content":"\\u00e9\\/"} ]',
    "completions": b'"prompt" : "\\ud83d\\ude00"',
    "embeddings": b'"input":["\\u0041", "\xc3\xa9"]',
    "moderations": b'"input":[{"type":"text","text":"x"}]',
    "images/generations": b'"prompt":"x\\n"',
}
RESULT = {
    "chat/completions": b'"choices":[ ]',
    "completions": b'"choices":[]',
    "embeddings": b'"data":[{"embedding":[1E-7]}]',
    "moderations": b'"results":[{}]',
    "images/generations": b'"data":[{"b64_json":"\\/"}]',
}
SAME_NAME = "gpt-5.4"
NAME = json.dumps(UPSTREAM_MODEL, ensure_ascii=False).encode()
EXAMPLES = 60
DEPTH = 300

# ------------------------------------------------------- JSON texts, not values: layout is kept too

WHITE = st.sampled_from([b"", b"", b" ", b"\n\t", b"\r\n  "])
NUMBERS = st.one_of(
    st.integers(-(10**40), 10**40).map(lambda number: b"%d" % number),
    st.from_regex(rb"-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,6})?", fullmatch=True),
    st.sampled_from([b"-0", b"-0.0", b"1E400", b"-1e-400", b"0.1e1", b"1.10", b"1e+05"]),
)
ESCAPES = st.sampled_from(
    [b"\\u00e9", b"\\u0041", b"\\ud83d\\ude00", b"\\/", b"\\n", b'\\"', b"\\\\", b"\\u0000", b"\\b"]
)
PLAIN_TEXT = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters='"\\', min_codepoint=0x20),
    max_size=8,
).map(lambda text: text.encode("utf-8"))
STRINGS = st.lists(ESCAPES | PLAIN_TEXT, max_size=4).map(
    lambda parts: b'"' + b"".join(parts) + b'"'
)
LEAVES = NUMBERS | STRINGS | st.sampled_from([b"null", b"true", b"false", b'""', b"[]", b"{}"])


def _spaced(parts: list[bytes], opening: bytes, closing: bytes, white: bytes) -> bytes:
    return opening + white + (white + b"," + white).join(parts) + white + closing


def _containers(inner: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    pairs = st.tuples(STRINGS, WHITE, inner).map(lambda pair: pair[0] + pair[1] + b":" + pair[2])
    arrays = st.tuples(st.lists(inner, max_size=4), WHITE)
    objects = st.tuples(st.lists(pairs, max_size=4), WHITE)
    return arrays.map(lambda made: _spaced(made[0], b"[", b"]", made[1])) | objects.map(
        lambda made: _spaced(made[0], b"{", b"}", made[1])
    )


VALUES = st.recursive(LEAVES, _containers, max_leaves=12)
NAMES = STRINGS.map(lambda text: b'"x_' + text[1:])
"""Of fields that nobody knows: OpenAI has none that begins with `x_`."""
FIELDS = st.lists(
    st.tuples(NAMES, WHITE, VALUES), max_size=6, unique_by=lambda field: json.loads(field[0])
)


def _object(fields: list[tuple[bytes, bytes, bytes]], needed: list[bytes], white: bytes) -> bytes:
    """An object with the needed fields among the generated ones."""
    texts = [name + space + b":" + space + value for name, space, value in fields]
    middle = len(texts) // 2
    return _spaced([*texts[:middle], *needed, *texts[middle:]], b"{", b"}", white)


def _property(test: Callable[..., None]) -> Callable[..., None]:
    """Generate objects; the server stays the same, so does the time a run takes."""
    generated = given(fields=FIELDS, white=WHITE)(test)
    return settings(
        max_examples=EXAMPLES,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )(generated)


every_operation = pytest.mark.parametrize("operation", sorted(OPERATIONS))


Fields = list[tuple[bytes, bytes, bytes]]


@every_operation
@_property
def test_a_request_under_the_same_name(
    stage: Stage, operation: str, fields: Fields, white: bytes
) -> None:
    """It reaches the provider as the very bytes that were sent."""
    body = _object(fields, [b'"model":"%b"' % SAME_NAME.encode(), OPERATIONS[operation]], white)
    got = stage.send(operation, body, whole(b"{%b}" % RESULT[operation]))

    assert got.body == body


@every_operation
@_property
def test_a_request_under_another_name(
    stage: Stage, operation: str, fields: Fields, white: bytes
) -> None:
    """The model's name changes: every other field keeps its bytes and its place."""
    body = _object(fields, [OPERATIONS[operation], b'"mod\\u0065l" : "renamed"'], white)
    got = stage.send(operation, body, whole(b"{%b}" % RESULT[operation]))

    assert top_level(got.body) == changed(body, {"model": NAME})


@pytest.mark.parametrize("operation", ["chat/completions", "completions"])
@_property
def test_a_stream(stage: Stage, operation: str, fields: Fields, white: bytes) -> None:
    """Nothing is added to a stream's request but that its usage is asked for; events are kept."""
    needed = [b'"model":"%b"' % SAME_NAME.encode(), b'"stream" :true', OPERATIONS[operation]]
    body = _object(fields, needed, white)
    chunk = _object(fields, [b'"choices":[{"index":0,"text":"x","finish_reason":"stop"}]'], b" ")
    line = b"data: " + chunk.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n"
    got = stage.send(operation, body, events(line + b"data: [DONE]\n\n"))

    assert top_level(got.body) == changed(body, {"stream_options": b'{"include_usage":true}'})
    assert got.answer.body == line + b"data: [DONE]\n\n"


@every_operation
@_property
@example(fields=[(b'"usage"', b"", b'{"prompt_tokens":-1E400}')], white=b" ")
@example(fields=[(b'"usage"', b"", b"[null]"), (b'"error"', b"", b"{}")], white=b"\n")
def test_an_answer(stage: Stage, operation: str, fields: Fields, white: bytes) -> None:
    """It reaches the client as the very bytes that the provider sent."""
    answer = white + _object(fields, [RESULT[operation]], white) + white
    body = b'{"model":"%b",%b}' % (SAME_NAME.encode(), OPERATIONS[operation])
    got = stage.send(operation, body, whole(answer))

    assert got.answer.body == answer


@every_operation
@pytest.mark.parametrize("model", [SAME_NAME, "renamed"])
def test_deep_nesting(stage: Stage, operation: str, model: str) -> None:
    """Deep values pass as they are; one that no reader could follow is refused, not crashed on."""
    deep = b"[" * DEPTH + b"1E2" + b"]" * DEPTH
    fields = b'{"model":"%b","x_deep":%b,%b}'
    body = fields % (model.encode(), deep, OPERATIONS[operation])
    got = stage.send(operation, body, whole(b'{"x_deep":%b,%b}' % (deep, RESULT[operation])))
    expected = {"model": NAME} if model == "renamed" else {}

    assert top_level(got.body) == changed(body, expected)
    hopeless = fields % (model.encode(), b"[" * 200_000, OPERATIONS[operation])
    bearer = b"authorization: Bearer " + stage.key
    refused = exchange(stage.gateway.url, post(hopeless, bearer, path=b"/v1/" + operation.encode()))
    assert (refused.status, refused.error["code"]) == (400, "invalid_json")
