"""What the log says of a provider's failure: its words, unless they may be somebody's contents."""

import pytest

from llmproxy.domain.errors import Broken, OwnFault, Refused, TimedOut, UpstreamError
from llmproxy.infra.controllers.errors import told


@pytest.mark.parametrize("kind", [OwnFault, Broken, TimedOut])
def test_words_of_failures_are_told(kind: type[UpstreamError]) -> None:
    """Nobody else gets to see them."""
    assert told(kind("It failed.", detail="HTTP 503: overloaded")) == "HTTP 503: overloaded"
    assert told(kind("It failed.")) == "It failed."


def test_words_of_refusals_are_not() -> None:
    """They may repeat the request, and the caller gets them."""
    error = Refused("Your text 'zebra' is bad.", status=400, error={"code": "bad"})
    error.detail = "HTTP 400: zebra"
    assert told(error) == "refused with status 400"


def test_an_answer_is_not_quoted() -> None:
    """Of one that cannot be read, what is wrong with it is told."""
    error = Broken("The provider's answer makes no sense.", detail="no str: {zebra")
    error.quotes = True
    assert told(error) == "The provider's answer makes no sense."
    error.__cause__ = ValueError("expected `str`")
    assert told(error) == "The provider's answer makes no sense. (expected `str`)"
