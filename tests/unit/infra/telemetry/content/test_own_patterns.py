"""The operator's own expressions: read at the start, refused by line when they cannot be used."""

from pathlib import Path

import pytest

from llmproxy.infra.telemetry.content.own_patterns import BadPatternError, read_patterns
from llmproxy.infra.telemetry.content.redaction import OWN_CHARS, Redaction


def _read(folder: Path, text: str) -> Redaction:
    path = folder / "patterns"
    path.write_text(text)
    return Redaction([], read_patterns(path))


def test_they_are_used(tmp_path: Path) -> None:
    """Under their names; comments and empty lines are none."""
    redaction = _read(tmp_path, "# of ours\n\npolicy=POL-[0-9]{6}\nname=(?i)acme corp\n")
    assert redaction.text("POL-123456 of Acme Corp, POL-12") == "[policy] of [name], POL-12"
    assert redaction.found == {"policy": 1, "name": 1}


def test_long_texts_are_seen_in_pieces(tmp_path: Path) -> None:
    """Cut at white space, so that a word is whole."""
    redaction = _read(tmp_path, "policy=POL-[0-9]{6}\n")
    text = "word " * (OWN_CHARS // 5 - 1) + "POL-123456 " + "é" * (2 * OWN_CHARS) + " POL-654321"
    found = redaction.text(text)
    assert found == text.replace("POL-123456", "[policy]").replace("POL-654321", "[policy]")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("policy", "give NAME=EXPRESSION"),
        ("Policy Number=x", "give NAME=EXPRESSION"),
        ("policy=", "of at most 1000 characters"),
        (f"policy={'x' * 1001}", "of at most 1000 characters"),
        ("policy=(", "policy does not compile: missing ), unterminated subpattern"),
        ("policy=x*", "matches an empty text"),
    ],
)
def test_what_makes_no_expression(tmp_path: Path, line: str, said: str) -> None:
    """The message names file, line and reason."""
    with pytest.raises(BadPatternError, match="patterns, line 2: ") as refused:
        _read(tmp_path, f"# first\n{line}\n")
    assert said in str(refused.value)


@pytest.mark.parametrize("expression", ["(a+)+$", "(a|a)*b", r"(\w+\s?)*!!"])
def test_what_may_never_end(tmp_path: Path, expression: str) -> None:
    """Python's `re` holds up the whole process meanwhile: such an expression is refused."""
    with pytest.raises(BadPatternError, match="takes too long"):
        _read(tmp_path, f"slow={expression}\n")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The path is named."""
    with pytest.raises(BadPatternError, match="none cannot be read: No such file"):
        read_patterns(tmp_path / "none")
    (tmp_path / "many").write_text("".join(f"p{n}=x\n" for n in range(2)) * 1)
    assert len(read_patterns(tmp_path / "many")) == 2
