"""Tags of a header and of OpenAI's `metadata`."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.tags import HEADER, MAX_FIELD_BYTES, tags_of
from llmproxy.infra.wire.json_object import JsonObject
from tests.fakes.upstream import FakeBody


def tags(header: str | bytes | None = None, **fields: object) -> tuple[str, ...]:
    """The tags of a request with this header and these fields."""
    raw = header.encode() if isinstance(header, str) else header
    headers = {} if raw is None else {HEADER: raw}
    return tags_of(headers, JsonObject(json.dumps({"model": "m", **fields}).encode()))


def test_where_nothing_is_said() -> None:
    """There are none."""
    assert tags() == tags("") == tags(" , ,") == tags(metadata=None) == tags(metadata={}) == ()


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("a", ("a",)),
        ("a, b ,c", ("a", "b", "c")),
        ("team=a,,b", ("team=a", "b")),
        ("a,b,a", ("a", "b")),
        ("größe", ("größe",)),
        ("x" * 128, ("x" * 128,)),
        (",".join(map(str, range(16))), tuple(map(str, range(16)))),
    ],
)
def test_tags_of_the_header(header: str, found: tuple[str, ...]) -> None:
    """A list with commas; each tag once."""
    assert tags(header) == found


@pytest.mark.parametrize(
    "header", ["x" * 129, "a\x7fb", "a\u200bb", b"\xff", ",".join(map(str, range(17)))]
)
def test_a_header_that_does_not_fit(header: str | bytes) -> None:
    """Is refused by name: nothing is shortened."""
    with pytest.raises(InvalidRequest) as caught:
        tags(header, metadata={"a": "b"})
    assert (caught.value.param, caught.value.code) == ("x-llmproxy-tag", "invalid_value")
    assert "x-llmproxy-tag" in caught.value.message


def test_tags_of_metadata() -> None:
    """`key=value`, behind those of the header."""
    assert tags("z", metadata={"b": "1", "a": "2 3"}) == ("z", "b=1", "a=2 3")
    assert tags("b=1", metadata={"b": "1"}) == ("b=1",)


@pytest.mark.parametrize(
    ("metadata", "found"),
    [
        ("text", ()),
        ([1], ()),
        ({"a": 1, "b": "x", "c": None, "d": {"e": "f"}}, ("b=x",)),
        ({"a": "x" * 126, "b": "x" * 127}, ("a=" + "x" * 126,)),
        ({"a": "line\nend", "b": "x"}, ("b=x",)),
        ({str(n): "x" for n in range(16)}, tuple(f"{n}=x" for n in range(16))),
        ({str(n): "x" for n in range(17)}, ()),
        ({"a": "", "": "b"}, ("a=", "=b")),
        ({"a": "x" * MAX_FIELD_BYTES}, ()),
    ],
)
def test_metadata_is_the_providers_to_judge(metadata: object, found: tuple[str, ...]) -> None:
    """What makes no tag is passed over, whole; the request goes on."""
    assert tags(metadata=metadata) == found


def test_metadata_that_cannot_be_read() -> None:
    """Is no reason to refuse here: half of a surrogate pair, or what is no JSON at all."""
    for text in (b'{"a": "\\ud800", "b": "x"}', b'{"\\ud800": "x"}', b"{", b"[" * 10_000):
        assert tags_of({}, FakeBody({"metadata": text})) == ()
    assert tags_of({}, FakeBody({"metadata": b'{"a": "\xff", "b": "x"}'})) == ("b=x",)


@given(
    st.dictionaries(st.text(max_size=64), st.text(max_size=512) | st.integers(), max_size=20),
    st.lists(st.text(st.characters(categories=("L", "N")), max_size=30), max_size=16),
)
def test_tags_are_bounded(metadata: dict[str, object], header: list[str]) -> None:
    """Whatever is sent: at most 32, each printable, short, and there once."""
    found = tags(",".join(header), metadata=metadata)
    assert len(found) <= 32
    assert len(set(found)) == len(found)
    assert all(len(tag) <= 128 and tag.isprintable() for tag in found)
