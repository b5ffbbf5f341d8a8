"""YAML as people write it."""

import pytest

from llmproxy.infra.wire.yaml_text import YamlError, read_yaml


def test_plain_values() -> None:
    """Objects, arrays, texts, numbers, comments, anchors and merges."""
    text = b"a: &a {x: 1, y: 2}  # comment\nb: {<<: *a, y: 3}\nc: ['one', 2.5, true, null]\n"
    assert read_yaml(text) == {
        "a": {"x": 1, "y": 2},
        "b": {"x": 1, "y": 3},
        "c": ["one", 2.5, True, None],
    }


def test_an_empty_text() -> None:
    """It is no value, and no error."""
    assert read_yaml(b"# nothing\n") is None


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        (b"a: 1\na: 2\n", "'a' stands twice", 2),
        (b"x:\n  - {k: 1, k: 1}\n", "'k' stands twice", 2),
        (b"a: [1\n", "expected", 2),
        (b"a: 1\n---\nb: 2\n", "another document", 2),
        (b"a: !!python/object/apply:os.system [x]\n", "constructor", 1),
        (b"a: *nowhere\n", "undefined alias", 1),
        (b"a: \xff\n", "UTF-8", 1),
        (b"\ta: 1\n", "cannot start any token", 1),
        (b"d: 2026-02-30\n", "a bad value", 1),
    ],
)
def test_what_is_refused(text: bytes, message: str, line: int) -> None:
    """With its line, and nothing is constructed that is not plain."""
    with pytest.raises(YamlError, match=message) as caught:
        read_yaml(text)
    assert caught.value.line == line


def test_aliases_are_counted_wherever_they_stand() -> None:
    """Ten lines that stand for a thousand million values are not opened."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlError, match="more than 200,000 values"):
        read_yaml("\n".join(lines).encode())


def test_bounds() -> None:
    """Size and depth."""
    with pytest.raises(YamlError, match="more than 10 bytes"):
        read_yaml(b"a: 12345678", max_bytes=10)
    with pytest.raises(YamlError, match="deeper"):
        read_yaml(b"[" * 100 + b"]" * 100)
    with pytest.raises(YamlError):
        read_yaml(b"[" * 100_000)
