"""From a provider's status and words to the gateway's errors."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import (
    Broken,
    Busy,
    GatewayError,
    OwnFault,
    Refused,
    TimedOut,
    Unavailable,
    UpstreamError,
)
from llmproxy.infra.controllers.errors import rendered, told
from llmproxy.infra.providers.openai_wire.failures import (
    BROKEN,
    DETAIL_BYTES,
    SILENT,
    failure,
    retry_after_s,
    stream_failure,
    transport_failure,
    unreadable,
)
from llmproxy.infra.providers.transport.errors import (
    ConnectFailed,
    Cut,
    Garbled,
    OutOfConnections,
    Silent,
    TransportError,
    Unreadable,
    Unresolved,
    Untrusted,
    Wait,
)

WORDS = "Words of the account acct_1."
SAID = json.dumps({"error": {"message": WORDS, "type": "t", "param": "p", "code": "c"}}).encode()

STATUSES: list[tuple[int, type[UpstreamError], str | None]] = [
    *((status, Refused, "c") for status in (400, 409, 413, 422)),
    *((status, OwnFault, "upstream_credentials") for status in (401, 403)),
    *((status, OwnFault, "upstream_misconfigured") for status in (201, 302, 402, 404, 405, 410)),
    *((status, TimedOut, "upstream_timeout") for status in (408, 504)),
    *((status, Broken, "upstream_error") for status in (500, 502, 503, 520, 529, 599)),
    (429, Busy, "rate_limit_exceeded"),
]


@pytest.mark.parametrize(("status", "kind", "code"), STATUSES)
def test_by_status(status: int, kind: type[UpstreamError], code: str | None) -> None:
    """The status decides; the provider's words reach the caller only where they are for it."""
    error = failure(status, [], SAID)

    assert (type(error), error.code, error.upstream_status) == (kind, code, status)
    assert (WORDS in error.message) is (kind in {Refused, Busy})
    assert error.detail == f"HTTP {status}: {SAID.decode()}"


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"error":{"message":7}}', b"<html>"])
def test_a_refusal_without_words(status: int, body: bytes) -> None:
    """A refusal that says nothing is the platform's fault: no caller could mend its request."""
    assert type(failure(status, [], body)) is OwnFault


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":{"message":"No."}}',
        b'{"error":"No."}',
        b'{"message":"No."}',
        b'[{"error":{"message":"No."}}]',
    ],
)
def test_wrappings(body: bytes) -> None:
    """However the error object is wrapped, its words are found."""
    error = failure(400, [], body)

    assert isinstance(error, Refused)
    assert error.message == "No."


@pytest.mark.parametrize(
    "error",
    [
        {"code": "insufficient_quota"},
        {"type": "insufficient_quota"},
        {"code": "billing_hard_limit_reached"},
        {"code": "billing_not_active", "message": WORDS},
    ],
)
def test_an_exhausted_account(error: dict[str, str]) -> None:
    """A quota that is used up is no rate limit: waiting does not help."""
    made = failure(429, [(b"Retry-After", b"5")], json.dumps({"error": error}).encode())

    assert (type(made), made.code) == (OwnFault, "upstream_quota")
    assert WORDS not in made.message


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"Retry-After", b"7")], 7.0),
        ([(b"retry-after", b" 1.5 ")], 1.5),
        ([(b"retry-after-ms", b"250"), (b"retry-after", b"9")], 0.25),
        ([(b"x-ms-retry-after-ms", b"2500"), (b"retry-after", b"9")], 2.5),
        ([(b"retry-after-ms", b"soon"), (b"retry-after", b"9")], 9.0),
        ([(b"retry-after", b"Wed, 21 Oct 2026 07:28:00 GMT")], None),
        ([(b"retry-after", b"-1")], None),
        ([(b"retry-after", b"nan")], None),
        ([(b"retry-after", b"inf")], None),
        ([(b"retry-after", b"86401")], None),
        ([(b"retry-after", b"0")], 0.0),
        ([], None),
    ],
)
def test_waits(headers: list[tuple[bytes, bytes]], expected: float | None) -> None:
    """The most precise header that makes sense counts."""
    assert retry_after_s(headers) == expected
    busy = failure(429, headers, b"")
    assert isinstance(busy, Busy)
    assert busy.retry_after_s == expected


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (Silent(Wait.CONNECT, 3.0), TimedOut, "upstream_connect_timeout"),
        (Silent(Wait.FIRST_TOKEN, 3.0), TimedOut, "upstream_first_token_timeout"),
        (Silent(Wait.BETWEEN_TOKENS, 3.0), TimedOut, "upstream_idle_timeout"),
        (Silent(Wait.TOTAL, 3.0), TimedOut, "upstream_total_timeout"),
        (ConnectFailed("no route to 10.0.0.1"), Broken, "upstream_unreachable"),
        (Unresolved("no name of 10.0.0.1"), Broken, "upstream_dns_failed"),
        (Untrusted("10.0.0.1 has expired"), Broken, "upstream_tls_failed"),
        (OutOfConnections("10.0.0.1: too many"), Unavailable, "out_of_connections"),
        (Unreadable("the disk"), Broken, "upload_lost"),
        (Cut("reset", before_answer=True), Broken, "upstream_connection_lost"),
        (Garbled("not HTTP"), Broken, "upstream_error"),
    ],
)
def test_transport_failures(error: TransportError, kind: type[GatewayError], code: str) -> None:
    """What went wrong on the way; addresses stay in the log."""
    made = transport_failure(error)

    assert (type(made), made.code, made.detail) == (kind, code, str(error))
    assert "10.0.0.1" not in made.message


@pytest.mark.parametrize("by_client", [False, True])
def test_whose_patience_ended(*, by_client: bool) -> None:
    """The error tells whether it was the client's own limit, in a word and in its message."""
    made = transport_failure(Silent(Wait.TOTAL, 2.5, by_client=by_client))

    assert isinstance(made, TimedOut)
    assert made.by_client is by_client
    assert "within 2.5 s" in made.message
    assert ("client" in made.message) is by_client


def test_every_failure_has_words() -> None:
    """None is left without a message, and none is told in another's words."""
    assert set(SILENT) == set(Wait)
    for kind in BROKEN:
        first = next(each for each in BROKEN if issubclass(kind, each))
        assert first is kind


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "type", "param", "status", "x"]), inner
        )
    ),
    max_leaves=10,
)


SPOILED = st.builds(
    lambda said, at, byte: said[: at % len(said)] + bytes([byte]) + said[at % len(said) :],
    st.just(SAID),
    st.integers(0, 1000),
    st.integers(0, 255),
)


@given(st.integers(200, 599), JSON | st.binary(max_size=30) | SPOILED)
def test_whatever_a_provider_says(status: int, body: object) -> None:
    """Every answer makes an error that can be rendered, with a bounded line for the log."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    for error in (failure(status, [], raw), stream_failure(raw)):
        answered, headers, text = rendered(error)
        envelope = json.loads(text)["error"]
        assert 400 <= answered <= 599
        assert {"message", "type", "param", "code"} <= set(envelope)
        assert isinstance(envelope["message"], str)
        assert isinstance(envelope["type"], str)
        assert envelope["code"] is None or isinstance(envelope["code"], str)
        assert (b"content-length", str(len(text)).encode()) in headers
        assert len(error.detail) <= DETAIL_BYTES * 4 + 20


def test_an_unreadable_answer_is_kept_short_and_not_told() -> None:
    """Its beginning stands in the detail, behind what is wrong with it; the log leaves it out."""
    answer = b"zebra \xff" + b"z" * DETAIL_BYTES
    begins = answer[:DETAIL_BYTES].decode("utf-8", "replace")
    for words, detail in (("", begins), ("no object", f"no object: {begins}")):
        error = unreadable("The provider's answer makes no sense.", answer, words)
        assert error.detail == detail
        assert "zebra" not in told(error)
