"""Commented JSON, several values after one another, and the line of every fault."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.wire.jsonc import JsoncError, read_documents


def values(text: str | bytes) -> list[object]:
    """Read all values."""
    return [value for value, _ in read_documents(text)]


def fault(text: str | bytes, **bounds: int) -> tuple[int, str]:
    """Give line and message of the first fault."""
    with pytest.raises(JsoncError) as caught:
        list(read_documents(text, **bounds))
    return caught.value.line, caught.value.message


@pytest.mark.parametrize("text", ["", " \n\t", "// nothing\n", "/* nothing */", "[]", "[ ]\n[]"])
def test_nothing_is_no_value(text: str) -> None:
    """Blanks, comments and empty arrays hold no document."""
    assert values(text) == []


def test_objects_arrays_and_comments_in_any_order() -> None:
    """Every value with the line on which it begins."""
    text = """// first
    {"a": "http://x//y", /* not // the end */ "b": "/* text */"}
    [ {"c": 1}, // within
      {"d": [2, "\\"//"]}
    ] {"e": null}
    """

    assert list(read_documents(text)) == [
        ({"a": "http://x//y", "b": "/* text */"}, 2),
        ({"c": 1}, 3),
        ({"d": [2, '"//']}, 4),
        ({"e": None}, 5),
    ]


def test_bytes_may_begin_with_a_mark() -> None:
    """Windows editors write a byte order mark."""
    assert values(b'\xef\xbb\xbf{"a": "\xc3\xa9"}') == [{"a": "é"}]
    assert values('\ufeff{"a": 1}') == [{"a": 1}]


def test_comments_may_hold_anything() -> None:
    """Quotes and brackets within them are no JSON; lines go on being counted."""
    text = '// it\'s "quoted\n/* { [ "\n */ {"a": 1 // }\n }\n{'

    assert fault(text)[0] == 5
    assert values(text[:-1]) == [{"a": 1}]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('{"a": 1}\n{"a" 1}', 2, "':' delimiter"),
        # Python 3.13 points at the comma, 3.11 at the bracket.
        ('{"a": 1,\n\n}', None, "property name" if sys.version_info < (3, 13) else "comma"),
        ("[1\n2]", 2, "expected , or ]"),
        ("[1,\n]", 2, "expecting value"),
        ('[{"a": 1}', 1, "expected , or ]"),
        ("{'a': 1}", 1, "double quotes"),
        ("{}\n,{}", 2, "expecting value"),
        ('{"a": 1}\n]', 2, "expecting value"),
        ('\n{"a": "x\n"}', 2, "not closed"),
        ('{"a": "', 1, "not closed"),
        ("{}\n/* x", 2, "comment is not closed"),
        ('\n{"a": NaN}', 2, "NaN is not JSON"),
        ('{"a": [1,\n-Infinity]}', 2, "Infinity is not JSON"),
        ('\n{"a": 1e999}', 2, "too large"),
        ('\n{"a": ' + "1" * 5000 + "}", 2, "too large"),
        ('\n{"a": "\\ud800"}', 2, "surrogate"),
        ('{"a": "\t"}', 1, "control character"),
    ],
)
def test_faults_have_a_line(text: str, line: int | None, message: str) -> None:
    """The line is where the fault stands, or where its value begins."""
    found = fault(text)

    if line is not None:
        assert found[0] == line
    assert message in found[1]


def test_a_repeated_key_is_found_where_it_stands_again() -> None:
    """In nested objects too, and however it is written; the same key elsewhere is no fault."""
    good = '{"a": {"a": 1}, "b": [{"a": 1}, {"a": 1}], "c": "a"}'
    bad = '{"x": 1}\n{"a": {"key": 1,\n"b": "key",\n"\\u006bey": 2}, "z": 1}'

    assert len(values(good)) == 1
    assert fault(bad) == (4, 'the key "key" stands twice in one object')


def test_values_before_a_fault_are_given() -> None:
    """So that all documents of a file can be judged, up to the fault."""
    reader = read_documents('{"a": 1} {"b" 2}')

    assert next(reader) == ({"a": 1}, 1)
    with pytest.raises(JsoncError):
        next(reader)


def test_input_is_bounded() -> None:
    """Bytes and depth; a hundred thousand brackets do no harm."""
    assert fault("{}" * 10, max_bytes=19) == (1, "more than 19 bytes")
    assert fault("[" * 100_000)[1] == "nested deeper than 64"
    assert fault('{"a":' * 100_000)[1] == "nested deeper than 64"
    assert fault('\n{"a": {"b": []}}', max_depth=2) == (2, "nested deeper than 2")
    assert len(values("[" + "[" * 63 + "]" * 63 + "]")) == 1


def test_not_utf8_has_a_line() -> None:
    """The line of the first wrong byte."""
    assert fault(b'{"a": 1}\n{"b": "\xff"}') == (2, "not UTF-8")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=20,
).filter(lambda value: not isinstance(value, list))


@given(st.lists(json_values), st.sampled_from([" ", "\n", "// x\n", "/* {\n */"]))
def test_whatever_json_writes_is_read_back(written: list[object], gap: str) -> None:
    """Values after one another, with blanks or comments between them."""
    text = gap.join(json.dumps(value, ensure_ascii=False) for value in written)
    separated = text if gap != " " else f" {text} "

    assert values(separated) == written


@given(st.text('{}[]":,/*\\\n ntrue1.-eNI', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Nothing but JsoncError ever comes out."""
    try:
        read = values(text)
    except JsoncError as error:
        assert 1 <= error.line <= text.count("\n") + 1  # noqa: PT017 - either way is fine
    else:
        assert json.loads(json.dumps(read)) == read
