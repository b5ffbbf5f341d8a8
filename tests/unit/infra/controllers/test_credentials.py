"""Whose key a request shows, and whether it comes from this machine itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.controllers.credentials import comes_from_here, credentials, key_of

LOCAL = ("127.0.0.1", 5000)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({b"authorization": b"Bearer sk-1"}, b"sk-1"),
        ({b"authorization": b"bearer  sk-1 "}, b"sk-1"),
        ({b"authorization": b"Bearer"}, b""),
        ({b"authorization": b"Basic c2s="}, None),
        ({b"authorization": b"sk-1"}, None),
        ({b"authorization": b"", b"api-key": b"sk-1"}, None),
        ({b"api-key": b"sk-1"}, b"sk-1"),
        ({b"x-api-key": b"sk-1"}, b"sk-1"),
        ({b"api-key": b"sk-1", b"x-api-key": b"sk-2"}, b"sk-1"),
        ({b"authorization": b"Bearer sk-1", b"api-key": b"sk-2"}, b"sk-1"),
    ],
)
def test_keys(headers: dict[bytes, bytes], expected: bytes | None) -> None:
    """Bearer goes before `api-key` and `x-api-key`; another scheme is no key."""
    assert key_of(headers) == expected


@pytest.mark.parametrize(
    "host", [b"localhost", b"localhost:8000", b"127.0.0.1", b"127.9.9.9:1", b"[::1]", b"[::1]:8000"]
)
def test_from_here(host: bytes) -> None:
    """This machine is called by one of its own names."""
    assert comes_from_here({"client": LOCAL}, {b"host": host})
    assert comes_from_here({"client": ("::1", 1)}, {b"host": host, b"origin": b"http://" + host})
    assert comes_from_here({"client": LOCAL}, {})


@pytest.mark.parametrize(
    "headers",
    [
        {b"host": b"gateway.example.com"},
        {b"host": b"localhost.example.com"},
        {b"host": b"127.0.0.1.nip.io"},
        {b"host": b"0.0.0.0"},
        {b"host": b"[fe80::1]"},
        {b"host": b"10.0.0.1"},
        {b"host": b""},
        {b"host": b"\xff"},
        {b"host": b"localhost", b"origin": b"https://evil.example"},
        {b"host": b"localhost", b"origin": b"http://localhost.evil.example"},
        {b"host": b"localhost", b"origin": b"null"},
        {b"host": b"localhost", b"origin": b"file://"},
        {b"host": b"localhost", b"x-forwarded-for": b"127.0.0.1"},
        {b"host": b"localhost", b"forwarded": b"for=127.0.0.1"},
        {b"host": b"localhost", b"x-real-ip": b"127.0.0.1"},
        {b"host": b"localhost", b"via": b"1.1 proxy"},
        {b"host": b"localhost", b"x-forwarded-proto": b"https"},
        {b"host": b"localhost", b"x-forwarded-host": b"gateway.example.com"},
        {b"host": b"localhost", b"cf-connecting-ip": b"127.0.0.1"},
    ],
)
def test_not_from_here(headers: dict[bytes, bytes]) -> None:
    """A web page elsewhere, a name that only points here, or a proxy in between: not from here."""
    assert not comes_from_here({"client": LOCAL}, headers)


def test_the_protocol_of_old_proxies() -> None:
    """nginx passes on in HTTP/1.0, without a header of its own, unless it is told otherwise."""
    headers = {b"host": b"localhost", b"connection": b"close"}
    assert comes_from_here({"client": LOCAL, "http_version": "1.1"}, headers)
    assert comes_from_here({"client": LOCAL, "http_version": "1.0"}, {b"host": b"localhost"})
    assert not comes_from_here({"client": LOCAL, "http_version": "1.0"}, headers)


@pytest.mark.parametrize("client", [None, ("10.0.0.1", 1), ("::ffff:10.0.0.1", 1), ("unix", 0)])
def test_other_peers(client: tuple[str, int] | None) -> None:
    """Whoever is connected from elsewhere, or unknown, is not from here."""
    assert not comes_from_here({"client": client}, {b"host": b"localhost"})


@given(st.binary(max_size=20), st.binary(max_size=20))
def test_any_bytes(host: bytes, origin: bytes) -> None:
    """No header makes the question fail."""
    headers = {b"host": host, b"origin": origin}
    assert comes_from_here({"client": LOCAL}, headers) in {True, False}
    assert comes_from_here({"client": ("10.0.0.1", 1)}, headers) is False


def test_what_the_registry_takes() -> None:
    """The key, and a question that is only answered when it is asked."""
    headers = [(b"host", b"localhost"), (b"api-key", b"sk-1")]
    key, is_local = credentials({"client": LOCAL, "headers": headers})

    assert key == b"sk-1"
    assert is_local()
