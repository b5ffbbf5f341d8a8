"""Documents as text, and when two of them are the same."""

import pytest

from llmproxy.infra.wire.document_text import document_etag, document_from, document_text


def test_text_keeps_order_and_letters() -> None:
    """What comes back is what went in, in its order."""
    document = {"z": 1, "a": {"é": [1.5, None, True]}}

    assert document_text(document) == '{"z":1,"a":{"é":[1.5,null,true]}}'
    assert document_from(document_text(document)) == document


def test_the_etag_depends_on_content_alone() -> None:
    """Order does not matter; values and their kinds do."""
    etag = document_etag({"a": 1, "b": {"c": 2, "d": 3}})

    assert etag == document_etag({"b": {"d": 3, "c": 2}, "a": 1})
    assert len({etag, document_etag({"a": True}), document_etag({"a": 1}), document_etag({})}) == 4


@pytest.mark.parametrize("text", ["[]", "1", "{", ""])
def test_other_text_is_no_document(text: str) -> None:
    """A damaged row is noticed."""
    with pytest.raises((ValueError, TypeError)):
        document_from(text)


def test_nan_is_never_stored() -> None:
    """It would not be JSON."""
    with pytest.raises(ValueError, match="JSON"):
        document_text({"a": float("nan")})
