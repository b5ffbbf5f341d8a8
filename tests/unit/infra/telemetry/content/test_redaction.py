"""What is taken out of contents, and what stays."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.config.logs import PATTERNS
from llmproxy.domain.secret import Secret
from llmproxy.infra.telemetry.content.patterns import BUILT_IN, KEY, Pattern
from llmproxy.infra.telemetry.content.redaction import (
    BINARY,
    MAX_DEPTH,
    PIECE_CHARS,
    Redaction,
    apart,
)
from llmproxy.infra.wire.hiding import HIDDEN

SECRET = "planted-5555555555-secret"


def redacted(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """What is left of it."""
    return Redaction(list(BUILT_IN.values())).value(value)


def test_what_is_spared() -> None:
    """Whole texts only, and names as well as values."""
    own = [Pattern("word", re.compile("text"))]
    spared = Redaction([], own, frozenset({"text"}))
    assert spared.value({"text": ["text", "a text"]}) == {"text": ["text", "a [word]"]}
    assert Redaction([], own).value({"text": "text"}) == {"[word]": "[word]"}


def test_the_settings_know_every_pattern() -> None:
    """Names in CONTENT_LOG_REDACT are those that exist."""
    assert set(PATTERNS) == set(BUILT_IN)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("email", "joão.silva+x@mail.example.com.br"),
        ("phone", "+55 11 91234-5678"),
        ("phone", "(11) 91234-5678"),
        ("phone", "+5511912345678"),
        ("phone", "555-123-4567"),
        ("cpf", "529.982.247-25"),
        ("cpf", "52998224725"),
        ("cnpj", "11.222.333/0001-81"),
        ("cnpj", "11222333000181"),
        ("cnpj", "12.ABC.345/01DE-35"),
        ("credit_card", "4111 1111 1111 1111"),
        ("credit_card", "378282246310005"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB82WEST12345698765432"),
        ("ip", "192.0.2.17"),
        ("ip", "2001:db8::1"),
        ("key", "sk-llmproxy-0123456789abcdefghij"),
        ("key", "AKIAIOSFODNN7EXAMPLEX"),
    ],
)
def test_what_is_taken_out(kind: str, text: str) -> None:
    """Alone, within a sentence, deep in a value, as a name, and as a number."""
    assert redacted(text) == f"[{kind}]"
    assert redacted(f"say {text}, and go on") == f"say [{kind}], and go on"
    assert redacted({"a": [{"b": f"<{text}>"}]}) == {"a": [{"b": f"<[{kind}]>"}]}
    assert redacted({text: 1}) == {f"[{kind}]": 1}
    if text.isdigit():
        assert redacted(int(text)) == f"[{kind}]"


@pytest.mark.parametrize(
    "value",
    [
        "version 1.2.3 of 2026-11-23, at 12:30:45",
        "999.999.999.999 is no address, and 1.2.3 none",
        "529.982.247-26 has a wrong check digit",
        "11.222.333/0001-82 too, and 4111111111111112",
        "111.111.111-11 and 00000000000",
        "DE88370400440532013000",
        "an @ alone, a@b, std::vector",
        "gpt-4o-mini-2024-07-18",
        12345,
        1795683897,
        0.25,
        True,
        None,
    ],
)
def test_what_stays(value: object) -> None:
    """Numbers whose check digits do not hold, and everything that only looks alike."""
    assert redacted(value) == value


def test_capitals_behind_an_iban_stay() -> None:
    """Only the number goes."""
    assert redacted("IBAN DE89 3704 0044 0532 0130 00 AND MORE") == "IBAN [iban] AND MORE"


@pytest.mark.parametrize("between", ["%20", "%2C", "_", "+"])
def test_addresses_in_a_row(between: str) -> None:
    """One that begins within what looks like the same word is taken out, too."""
    assert redacted(f"?to=a@b.example{between}c@d.example&x") == "?to=[email]&x"


def test_a_long_address() -> None:
    """Of more than 64 characters in front, and more than 63 behind: nothing is left of it."""
    assert redacted(f"x {'a' * 100}@b.example, c@{'d' * 100}.example@e.example") == (
        "x [email], [email]@e.example"
    )


def test_secrets_always_go() -> None:
    """Whatever else is switched off."""
    HIDDEN.add(Secret(SECRET))
    redaction = Redaction([])
    assert redaction.value([f"x {SECRET} y sk-llmproxy-0123456789abcdefghij"]) == [
        "x ***** y [key]"
    ]
    assert redaction.found == {"secret": 1, "key": 1}


def test_only_what_is_asked_for() -> None:
    """A pattern that is not named does nothing."""
    assert Redaction([BUILT_IN["cpf"]]).value("a@b.example 529.982.247-25") == "a@b.example [cpf]"


def test_what_is_no_text() -> None:
    """Images and sound are their type and size."""
    data = "iVBORw0KGgo" * 100
    redaction = Redaction([])
    url = {"url": f"data:image/png;base64,{data}"}
    assert redaction.value(url) == {"url": "[image/png, 825 bytes]"}
    assert redaction.value({"data": data, "b": "A" * 500}) == {
        "data": "[base64, 825 bytes]",
        "b": "A" * 500,
    }
    assert redaction.found == {"binary": 2}


def test_what_is_nested_too_deep() -> None:
    """No body makes the thread recurse for ever."""
    deep: Any = "a@b.example"
    for _ in range(MAX_DEPTH * 3):
        deep = [deep]
    written = json.dumps(redacted(deep))
    assert "nested too deep" in written
    assert "a@b" not in written


@pytest.mark.parametrize(
    "piece",
    ["1", "a", "A1", "1 ", "1-", "a.", "@", "a@a.", "1.", ":", "+1", "A", "sk-", "(11) ", "é"],
)
def test_no_pattern_takes_long(piece: str) -> None:
    """Texts that nearly match all the way take seconds at most, of 64 KiB on a busy machine."""
    began = time.perf_counter()
    redacted(piece * (65_536 // len(piece)))
    assert time.perf_counter() - began < 5


def took(expression: re.Pattern[str], text: str) -> float:
    """CPU seconds of this thread, the least of three times."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        expression.sub("", text)
        times.append(time.thread_time() - began)
    return min(times)


@pytest.mark.parametrize(
    "expression",
    [BINARY, *(each.expression for each in (KEY, *BUILT_IN.values()))],
    ids=["binary", "key", *BUILT_IN],
)
@pytest.mark.parametrize("letter", ["a", "A", "1", "+", "."])
def test_long_words_take_no_longer(expression: re.Pattern[str], letter: str) -> None:
    """`re` stops the whole process: its time grows with a text, not with the words in it too."""
    size = 256 * 1024
    short = took(expression, ("the quick brown fox 12 " * size)[:size])
    long = took(expression, (letter * 511 + " ") * (size // 512))
    twice = took(expression, (letter * 511 + " ") * (size // 256))
    assert long < 6 * short + 0.005
    assert twice < 4 * long + 0.005


@pytest.mark.parametrize(
    "text",
    ["DE89 3704 0044 0532 0130 00", "4111 1111 1111 1111", "(11) 91234-5678", "a@b.example"],
)
def test_long_texts_are_cut_between_what_is_looked_for(text: str) -> None:
    """An expression sees them in pieces, and nothing that a cut could fall into gets past."""
    for before in range(PIECE_CHARS - len(text) - 2, PIECE_CHARS + 2):
        long = "é" * before + f" {text}, and? y z"
        [kind] = {
            each for each in ("iban", "credit_card", "phone", "email") if each in redacted(text)
        }
        assert f" [{kind}], and? y z" in redacted(long)


def test_pieces() -> None:
    """All of the text, little of it at once; a text that cannot be cut is one piece."""
    text = "line of prose\n" * 30_000
    pieces = list(apart(text))
    assert "".join(pieces) == text
    assert max(map(len, pieces)) < PIECE_CHARS + 20
    assert list(apart("word " * 30_000)) == ["word " * 30_000]
    assert list(apart("")) == []


@given(st.recursive(st.none() | st.text() | st.integers() | st.booleans(), st.lists, max_leaves=20))
def test_redacting_twice_changes_nothing(value: Any) -> None:  # noqa: ANN401
    """What was put in is not taken for something to be taken out."""
    once = redacted(value)
    assert redacted(once) == once
