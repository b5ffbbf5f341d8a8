"""Seals: only what this key sealed for this kind opens."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.secrets.signing import KEY_BYTES, MAX_SEAL_CHARS, Signer

SIGNER = Signer(b"k" * KEY_BYTES)


@given(st.text(max_size=20), st.binary(max_size=200))
def test_what_is_sealed_opens(kind: str, payload: bytes) -> None:
    """Any payload of any kind, as a text that may stand in a URL."""
    text = SIGNER.seal(kind, payload)

    assert SIGNER.unseal(kind, text) == payload
    assert text.replace("-", "").replace("_", "").isalnum()
    assert Signer(b"k" * KEY_BYTES).unseal(kind, text) == payload


@given(st.text(max_size=20), st.text(max_size=20), st.binary(max_size=50))
def test_another_kind_or_key_opens_nothing(kind: str, other: str, payload: bytes) -> None:
    """A seal is good for what it was made for only."""
    text = SIGNER.seal(kind, payload)

    assert Signer(b"K" * KEY_BYTES).unseal(kind, text) is None
    if other != kind:
        assert SIGNER.unseal(other, text) is None


def test_a_kind_cannot_run_into_a_payload() -> None:
    """The same bytes in a row, cut elsewhere, are another seal."""
    assert SIGNER.unseal("ab", SIGNER.seal("a", b"bc").replace("YmM", "Yw")) is None
    assert SIGNER.seal("ab", b"c")[:16] != SIGNER.seal("a", b"bc")[:16]


def test_every_changed_character_shows() -> None:
    """Also in the last one, some of whose bits stand for nothing."""
    text = SIGNER.seal("kind", b"payload!")
    for at, old in enumerate(text):
        for new in "AZaz09-_+/=. \n":
            if new != old:
                assert SIGNER.unseal("kind", text[:at] + new + text[at + 1 :]) is None


@pytest.mark.parametrize(
    "text", ["", "A", "AAAA", "=", "é" * 30, "A" * (MAX_SEAL_CHARS + 1), "\udc80", " " * 40]
)
def test_any_text_may_be_shown(text: str) -> None:
    """What is no seal at all is just not one."""
    assert SIGNER.unseal("kind", text) is None


def test_nothing_stands_behind_or_before_a_seal() -> None:
    """There is one text for a seal, no other that means the same."""
    text = SIGNER.seal("kind", b"payload")
    for other in (text + "=", text + "==", text + "A", " " + text, text + "\n", text[:-1]):
        assert SIGNER.unseal("kind", other) is None


def test_the_key_is_not_shown() -> None:
    """Not by printing, not by pickling; a short one is none."""
    assert "kkk" not in f"{SIGNER} {SIGNER!r}"
    with pytest.raises(TypeError):
        pickle.dumps(SIGNER)
    with pytest.raises(ValueError, match="32 bytes"):
        Signer(b"short")
