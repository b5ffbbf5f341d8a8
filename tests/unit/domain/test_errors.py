"""The tree of errors: what callers may read, what programs may switch on."""

from collections.abc import Iterator

import pytest

from llmproxy.domain.errors import (
    Broken,
    Busy,
    CallerError,
    Forbidden,
    GatewayError,
    InvalidRequest,
    Later,
    OwnFault,
    RateLimited,
    Refused,
    TimedOut,
    Unavailable,
    UpstreamError,
    WrongMethod,
)


def subclasses(kind: type[GatewayError]) -> Iterator[type[GatewayError]]:
    """Every class below this one that the domain defines."""
    for each in kind.__subclasses__():
        if each.__module__ == GatewayError.__module__:
            yield each
        yield from subclasses(each)


def test_the_hint_ends_the_message() -> None:
    """Callers read what is wrong and what to do next in one sentence after another."""
    error = InvalidRequest("`n` is missing.", param="n", hint="Send a number.", detail="secret")

    assert error.message == "`n` is missing. Send a number."
    assert (error.param, error.detail) == ("n", "secret")


def test_without_a_hint_the_message_ends_where_it_ends() -> None:
    """No trailing space reaches the wire."""
    assert Forbidden("No.").message == "No."


def test_the_detail_is_not_in_what_prints() -> None:
    """It may hold the provider's words: only the log takes it, and asks for it by name."""
    error = Broken("It failed.", detail="the provider's words")

    assert "provider's words" not in f"{error} {error!r} {error.message}"


def test_a_code_of_its_own_wins_over_that_of_the_class() -> None:
    """The class names the usual one."""
    assert OwnFault("x").code == "upstream_misconfigured"
    assert OwnFault("x", code="upstream_quota").code == "upstream_quota"


@pytest.mark.parametrize("kind", sorted(set(subclasses(GatewayError)), key=lambda k: k.__name__))
def test_codes_are_words(kind: type[GatewayError]) -> None:
    """A program switches on words, never on HTTP numbers."""
    code = kind.default_code

    assert code is None or (code.replace("_", "").isalpha() and code.islower())


@pytest.mark.parametrize("kind", [RateLimited, Unavailable, Busy, Broken])
def test_what_may_succeed_later_says_when(kind: type[Later]) -> None:
    """None means that nobody knows."""
    assert kind("x", retry_after_s=2.5).retry_after_s == 2.5
    assert kind("x").retry_after_s is None


@pytest.mark.parametrize(
    ("kind", "side"),
    [
        (RateLimited, CallerError),
        (Busy, UpstreamError),
        (Broken, UpstreamError),
        (TimedOut, UpstreamError),
        (OwnFault, UpstreamError),
        (Refused, UpstreamError),
    ],
)
def test_whose_fault_it_is(kind: type[GatewayError], side: type[GatewayError]) -> None:
    """Every error is on one side only: the caller's, the provider's or neither."""
    other = UpstreamError if side is CallerError else CallerError

    assert issubclass(kind, side)
    assert not issubclass(kind, other)
    assert not issubclass(Unavailable, CallerError | UpstreamError)


def test_a_wrong_method_names_those_allowed() -> None:
    """For the `allow` header."""
    error = WrongMethod("Only POST.", allowed="POST")

    assert (error.allowed, error.code, error.message) == (
        "POST",
        "method_not_supported",
        "Only POST.",
    )


def test_a_refusal_keeps_the_providers_own_words() -> None:
    """Its error object, its status, and of them code and param."""
    words = {"message": "too long", "code": "context_length_exceeded", "param": "messages"}
    error = Refused("too long", status=400, error=words)

    assert error.error is words
    assert (error.upstream_status, error.code, error.param) == (
        400,
        "context_length_exceeded",
        "messages",
    )


@pytest.mark.parametrize("words", [{}, {"code": None}, {"code": 400, "param": ["messages"]}])
def test_a_refusal_takes_only_texts_for_code_and_param(words: dict[str, object]) -> None:
    """Some providers send HTTP numbers as codes."""
    error = Refused("no", status=400, error=words)

    assert (error.code, error.param) == (None, None)


def test_an_upstream_error_has_no_status_unless_the_provider_said_one() -> None:
    """A timeout has none."""
    assert TimedOut("x").upstream_status is None
