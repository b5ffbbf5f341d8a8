"""Requests put into words: what is harmless stands as it is, everything else is masked."""

import json
from urllib.parse import quote

import pytest

from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.rendered import rendered
from llmproxy.infra.providers.transport.target import target

KEY = "sk-live-0123456789"


def shown(headers: dict[str, str], url: str = "https://host/v1/x") -> dict[str, str]:
    """The headers of a request with these."""
    return dict(rendered(target(url, headers), b"{}", signed=False).headers)


def test_a_request() -> None:
    """Method, URL and headers are those of the transport, its content-length too."""
    where = target("https://host:8443/v1/x?api-version=2024-10-21", {"content-type": "a/b"})
    found = rendered(where, b'{"a": 1}', signed=False, changed=("a",), further=(b"1", b"2"))

    assert (found.method, found.url) == ("POST", "https://host:8443/v1/x?api-version=2024-10-21")
    assert found.headers == [
        ("host", "host:8443"),
        ("content-type", "a/b"),
        ("content-length", "8"),
    ]
    assert found.body == b'{"a": 1}'
    assert (found.changed, found.dropped, found.further) == (("a",), (), (b"1", b"2"))


@pytest.mark.parametrize(
    "name",
    [
        "api-key",
        "Api-Key",
        "x-api-key",
        "x-goog-api-key",
        "ocp-apim-subscription-key",
        "x-amz-security-token",
        "x-amz-content-sha256",
        "proxy-authorization",
        "cookie",
        "x-a-header-that-nobody-has-thought-of",
    ],
)
def test_other_headers_are_masked(name: str) -> None:
    """Whatever is not known to be harmless may be a key."""
    assert shown({name: KEY})[name] == "*****"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (f"Bearer {KEY}", "Bearer *****"),
        (f"basic {KEY}", "basic *****"),
        (KEY, "*****"),
        (f"ZenApiKey {KEY}", "*****"),
        (f"AWS4-HMAC-SHA256 Credential={KEY}/20260101, Signature=abc", "*****"),
    ],
)
def test_the_scheme_of_a_credential(value: str, expected: str) -> None:
    """Bearer and Basic are told; of other schemes nothing is."""
    assert shown({"authorization": value})["authorization"] == expected


def test_a_token_that_is_added_later() -> None:
    """Nobody is asked for it."""
    found = rendered(target("http://host/", {}), b"", signed=True)
    assert found.headers[1:] == [("authorization", "Bearer *****"), ("content-length", "0")]


def test_parameters_of_a_url_are_masked() -> None:
    """But for those that every document names."""
    where = target(f"https://h/p?alt=sse&key={KEY}&code=x", {})
    assert rendered(where, b"", signed=False).url == "https://h/p?alt=sse&key=*****&code=*****"


def test_a_key_is_masked_wherever_it_stands() -> None:
    """In the path and in bodies too, whether a header holds it or only the document."""
    other = Secret("another-secret-value")
    body = f'{{"key": "{KEY}", "also": "{other.expose()}"}}'.encode()
    where = target(f"https://h/{KEY}/x", {"api-key": KEY})
    found = rendered(where, body, signed=False, further=(body,), secrets=(other,))

    assert found.url == "https://h/*****/x"
    assert found.body == b'{"key": "*****", "also": "*****"}'
    assert found.further == (found.body,)


def test_a_secret_that_is_written_in_another_way() -> None:
    """A JSON string escapes quotes and lines, a URL much more."""
    secret = Secret('two\n"lines" of/it')
    body = json.dumps({"key": secret.expose()}).encode()
    found = rendered(
        target(f"https://h/{quote(secret.expose(), safe='')}", {}),
        body,
        signed=False,
        secrets=(secret, Secret("")),
    )
    assert (found.url, found.body) == ("https://h/*****", b'{"key": "*****"}')


def test_a_short_value_is_no_word_to_mask() -> None:
    """`none`, which stands for no key, may be part of any text."""
    where = target("https://h/none", {"api-key": "none"})
    found = rendered(where, b'"none"', signed=False)
    assert (found.url, found.body) == ("https://h/none", b'"none"')


def test_a_request_through_a_plain_proxy() -> None:
    """Its first line holds the whole URL already."""
    where = target("http://h:1/p", {}, through_proxy=True)
    assert rendered(where, b"", signed=False).url == "http://h:1/p"
