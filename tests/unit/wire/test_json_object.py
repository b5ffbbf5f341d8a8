"""JSON objects whose values keep their very bytes."""

import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.wire.json_object import (
    MAX_FIELDS,
    TOO_DEEP,
    JsonObject,
    NotAnObject,
    RepeatedField,
)

KEYS = st.text(max_size=6)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
LAYOUTS = st.sampled_from(
    [
        {"separators": (",", ":")},
        {"separators": (", ", ": ")},
        {"indent": 2},
        {"separators": (",", ":"), "ensure_ascii": False},
    ]
)


def test_values_keep_their_bytes() -> None:
    """Numbers, escapes and white space inside of values come out as they went in."""
    raw = b'{"a":123456789012345678901234567890,"b":1E2,"c":-0.0,"d":"\\u00e9\\/","e":[ 1 , {} ]}'
    value = JsonObject(raw)

    assert value.value("a") == b"123456789012345678901234567890"
    assert value.value("b") == b"1E2"
    assert value.value("c") == b"-0.0"
    assert value.value("d") == b'"\\u00e9\\/"'
    assert value.value("e") == b"[ 1 , {} ]"
    assert value.value("z") is None
    assert value.rewritten({}) is raw


def test_rewriting() -> None:
    """Only the given fields change; the others keep bytes and order, new ones come last."""
    value = JsonObject(b'{ "model" : "x", "big" : 1E400 , "n":1}')

    assert value.rewritten({"model": b'"y"', "z": b"[2.50]"}) == (
        b'{"model":"y","big":1E400,"n":1,"z":[2.50]}'
    )
    assert value.value("model") == b'"x"'


@given(st.dictionaries(KEYS, VALUES, max_size=6), LAYOUTS)
def test_any_object_reads_as_json_does(value: dict[str, object], layout: dict[str, object]) -> None:
    """Whatever its layout, an object has the fields that the standard library finds in it."""
    raw = json.dumps(value, **layout).encode()  # type: ignore[arg-type]
    read = JsonObject(raw)

    assert list(read.fields) == list(value)
    assert {name: json.loads(bytes(text)) for name, text in read.fields.items()} == value
    changed = json.loads(read.rewritten({"model": b'"m"'}))
    assert changed == {**value, "model": "m"}


@given(
    st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=5),
    st.integers(0, 4),
    st.sampled_from([",", ", ", " ,\n"]),
    st.booleans(),
)
def test_a_repeated_field_is_found(
    pairs: list[tuple[str, object]],
    again: int,
    comma: str,
    escaped: bool,  # noqa: FBT001 - hypothesis fills arguments by position
) -> None:
    """However it is written, a field that stands twice is refused by its name."""
    unique = list(dict(pairs).items())
    name, value = unique[again % len(unique)]
    texts = [f"{json.dumps(key)}:{json.dumps(each)}" for key, each in unique]
    spelled = "".join(f"\\u{ord(letter):04x}" for letter in name if ord(letter) < 0x10000)
    plain = json.dumps(name)
    use_escapes = escaped and len(spelled) == 6 * len(name)
    texts.append(f"{chr(34) + spelled + chr(34) if use_escapes else plain}:{json.dumps(value)}")
    raw = ("{" + comma.join(texts) + "}").encode()

    with pytest.raises(RepeatedField) as repeated:
        JsonObject(raw)
    assert repeated.value.field == name


def test_how_many_fields() -> None:
    """Thousands of fields are read in no time; more are no request."""
    fields = {f"field-{number}": number for number in range(MAX_FIELDS)}
    assert len(JsonObject(json.dumps(fields).encode()).fields) == MAX_FIELDS
    with pytest.raises(NotAnObject, match="more than"):
        JsonObject(json.dumps(fields | {"one": "more"}).encode())


def test_what_is_inside_costs_nothing() -> None:
    """White space between the fields does not make their insides be read."""
    raw = b'{ "model" : "m" , "x" : [' + b"{}," * 2_000_000 + b"{}] }"
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        value = JsonObject(raw)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()

    assert len(value.fields) == 2
    assert peak < 3 * len(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1, "a":12}',
        b'{"a":12, "a":1}',
        b'{"a":"x" , "a":"x"}',
        b'{"a":[1] ,"b":2,"a":[1,2]}',
        b'{"b":1,"a":{ } ,"a":{}}',
        b'{"a":"}","a":"}" }',
        b'{"\\u0061":1,"a":1}',
    ],
)
def test_repetitions_that_look_alike(raw: bytes) -> None:
    """A value that begins like the other, or equals it, hides nothing."""
    with pytest.raises(RepeatedField) as repeated:
        JsonObject(raw)
    assert repeated.value.field == "a"


def test_repetition_further_down_is_not_looked_at() -> None:
    """Only the top level is this reader's affair."""
    assert JsonObject(b'{ "a" : {"x":1,"x":2} }').value("a") == b'{"x":1,"x":2}'


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "truncated"),
        (b"[]", "not an object"),
        (b"1", "not an object"),
        (b'{"a":1', "truncated"),
        (b'{"a":1}}', "trailing"),
        (b'{"a":NaN}', "malformed"),
        (b'{"a":"\xff"}', "invalid UTF-8 at byte 6"),
        (b'{"a":"\xed\xa0\x80"}', "invalid UTF-8"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", TOO_DEEP),
        (b'{ "a": ' + b'{"b":' * 100_000 + b"1" + b"}" * 100_001, TOO_DEEP),
    ],
)
def test_what_is_no_object(raw: bytes, words: str) -> None:
    """The reason is told in words for the caller."""
    with pytest.raises(NotAnObject) as refused:
        JsonObject(raw)
    assert words in str(refused.value)


@pytest.mark.parametrize("spaces", [b"", b" "])
def test_every_depth_is_read_or_refused(spaces: bytes) -> None:
    """Where the parsers' recursion ends there is no other error."""
    outcomes = set()
    for depth in range(800, 1100):
        try:
            JsonObject(b'{%b"a":' % spaces + b"[" * depth + b"]" * depth + b"}")
        except NotAnObject as refused:
            outcomes.add(str(refused))
        else:
            outcomes.add("read")

    assert outcomes <= {"read", TOO_DEEP}
