"""Values exchanged in place: nothing else moves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.wire.json_splice import raw_fields, spliced

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON, min_size=1), st.sampled_from([None, 1, "\t"]), st.data())
def test_only_the_value_changes(
    fields: dict[str, object], indent: int | str | None, data: st.DataObject
) -> None:
    """White space, order and the other values stay; the new value stands where the old one did."""
    name = data.draw(st.sampled_from(sorted(fields)))
    text = json.dumps(fields, indent=indent).encode()
    found = raw_fields(text)
    assert found is not None
    expected = json.dumps(fields | {name: "NEW"}, indent=indent).encode()
    assert spliced(text, found, {name: b'"NEW"'}) == expected
    assert spliced(text, found, {}) is text
    assert spliced(text, found, {name: bytes(found[name])}) == text


@pytest.mark.parametrize(
    "text", [b'{"id":1,"id":2}', b'{"id":1,"a":2,"id":1}', b'{"a":1,"id":12,"id":1}']
)
def test_a_field_that_stands_twice(text: bytes) -> None:
    """Which one counts is not known."""
    found = raw_fields(text)
    assert found is not None
    with pytest.raises(ValueError, match="twice"):
        spliced(text, found, {"id": b"3"})


@pytest.mark.parametrize("text", [b"", b"[]", b"null", b'{"a":', b"\xff"])
def test_what_is_no_object(text: bytes) -> None:
    """It has no fields."""
    assert raw_fields(text) is None
