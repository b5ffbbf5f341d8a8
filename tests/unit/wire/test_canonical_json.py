"""One text for all texts of a JSON value that mean the same."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.wire.canonical_json import (
    MAX_AT_ONCE,
    MAX_DEPTH,
    canonical,
    canonical_body,
    canonical_object,
)
from llmproxy.infra.wire.event_stream import data_in
from llmproxy.infra.wire.json_object import JsonObject

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def _turned(value: Any) -> Any:  # noqa: ANN401
    """The same value, its fields in the opposite order."""
    if isinstance(value, dict):
        return {name: _turned(value[name]) for name in reversed(value)}
    return [_turned(each) for each in value] if isinstance(value, list) else value


@given(VALUES)
def test_order_space_and_escapes_do_not_matter(value: Any) -> None:  # noqa: ANN401
    """However a value is written, its canonical text is one, and says the same."""
    tight = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    loose = json.dumps(_turned(value), indent=3, ensure_ascii=True).encode()
    text = canonical(tight)
    assert canonical(loose) == text
    assert json.loads(text, parse_float=Decimal) == json.loads(tight, parse_float=Decimal)
    assert canonical(text) == text


@given(VALUES, VALUES)
def test_different_values_stay_different(one: Any, other: Any) -> None:  # noqa: ANN401
    """Two values with one canonical text are one value."""
    first, second = json.dumps(one).encode(), json.dumps(other).encode()
    if canonical(first) == canonical(second):
        assert json.loads(first, parse_float=str) == json.loads(second, parse_float=str)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"1E2", b"100.0"),
        (b"123456789012345678901234567890", b"123456789012345678901234567891"),
        (b"[1, 2]", b"[2, 1]"),
        (b'{"a":1,"a":2}', b'{"a":2}'),
        (b'{"a":1,"a":2}', b'{"a":1}'),
        (b'["a b"]', b'["ab"]'),
        (b'"\\ud800"', b'"?"'),
    ],
)
def test_what_may_differ_stays_different(one: bytes, other: bytes) -> None:
    """Numbers by their text, items by their order, and a field that stands twice."""
    assert canonical(one) != canonical(other)


def test_depth_is_bounded() -> None:
    """Beyond it a text equals only itself, and nothing breaks."""
    deep = b'[ {"a": ' * 5000 + b"1" + b"}]" * 5000
    assert canonical(deep)
    fits = b"[ " * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH
    assert b" " not in canonical(fits)


def test_fields_that_do_not_matter() -> None:
    """They are left out at the top level, and only there."""
    body = JsonObject(b'{"user": "u", "b": {"user": "v"}, "a": [ 1 ]}')
    assert canonical_object(body.fields, {"user"}) == b'{"a":[1],"b":{"user":"v"}}'
    assert canonical_object({"a": msgspec.Raw(b"1")}) == b'{"a":1}'


@given(st.dictionaries(st.text(), VALUES, max_size=4))
def test_a_whole_body_has_the_same_text_at_one_go(value: dict[str, Any]) -> None:
    """Written tightly it is read at one go, written loosely value by value."""
    tight = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    loose = json.dumps(_turned(value), indent=3, ensure_ascii=True).encode()
    text = canonical_object(JsonObject(tight).fields, ("", "a"))
    assert canonical_body(JsonObject(tight), ("", "a")) == text
    assert canonical_body(JsonObject(loose), ("", "a")) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"x":1E2}', b'{"x":100.0}'),
        (b'{"x":-0}', b'{"x":0}'),
        (b'{"x":123456789012345678901234567890}', b'{"x":123456789012345678901234567891}'),
        (b'{"x":0.1}', b'{"x":0.1000000000000000055}'),
        (b'{"x":{"a":1,"a":2}}', b'{"x":{"a":2}}'),
        (b'{"x":[{"a":1,"b":3,"a":2}]}', b'{"x":[{"a":2,"b":3}]}'),
        (b'{"x":"%b1"}' % (b" " * MAX_AT_ONCE), b'{"x":"%b2"}' % (b" " * MAX_AT_ONCE)),
    ],
)
def test_what_may_differ_stays_different_in_a_body(one: bytes, other: bytes) -> None:
    """What is read at one go loses nothing."""
    assert canonical_body(JsonObject(one)) != canonical_body(JsonObject(other))


def test_events() -> None:
    """The data of each event, on one line or several; comments and names are no data."""
    stream = b": hi\n\ndata: 1\n\nevent: x\ndata:2\ndata: 3\n\nevent: y\n\n"
    assert list(data_in(stream)) == [b"1", b"2\n3"]
    assert list(data_in(stream.replace(b"\n", b"\r\n"))) == [b"1", b"2\n3"]
