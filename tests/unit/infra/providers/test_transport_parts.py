"""Parts of the transport without a connection: targets, proxies, limits."""

import pytest

from llmproxy.domain.timeouts import Timeouts
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Origin, Patience, target

URL = "https://example.com:8443/v1/x?api-version=1"


def test_a_target() -> None:
    """The request line and headers are put together once."""
    made = target(URL, {"api-key": "k", "x": "\u00e9"})

    assert made.origin == Origin("https", "example.com", 8443)
    assert made.head == (
        b"POST /v1/x?api-version=1 HTTP/1.1\r\nhost: example.com:8443\r\napi-key: k\r\nx: \xe9\r\n"
    )


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("http://example.com", "example.com", "/"),
        ("http://example.com:80/a", "example.com", "/a"),
        ("https://example.com:443/a", "example.com", "/a"),
        ("http://[::1]:8080/a", "[::1]:8080", "/a"),
        ("HTTP://EXAMPLE.com/a", "example.com", "/a"),
    ],
)
def test_authorities(url: str, authority: str, path: str) -> None:
    """A port that is the scheme's own is left out, an IPv6 address keeps its brackets."""
    made = target(url, {})

    assert made.origin.authority == authority
    assert made.head.startswith(f"POST {path} HTTP/1.1\r\nhost: {authority}\r\n".encode())


def test_through_a_proxy() -> None:
    """A proxy before a plain host is given the whole URL; before TLS it is not asked so."""
    plain = target("http://example.com/a?b=c", {}, through_proxy=True)
    secure = target("https://example.com/a", {}, through_proxy=True)

    assert plain.head.startswith(b"POST http://example.com/a?b=c HTTP/1.1\r\nhost: example.com\r\n")
    assert secure.head.startswith(b"POST /a HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("ftp://example.com/", {}),
        ("example.com", {}),
        ("http:///a", {}),
        ("http://example.com:99999/", {}),
        ("http://example.com/a b", {}),
        ("http://example.com/caf\u00e9", {}),
        ("http://example.com/a?b=c d", {}),
        ("http://example.com/a", {"x": "a\r\nevil: 1"}),
        ("http://example.com/a", {"x": "a\nb"}),
        ("http://example.com/a", {"x": "a\0b"}),
        ("http://example.com/a", {"x": "\u20ac"}),
    ],
)
def test_targets_that_are_none(url: str, headers: dict[str, str]) -> None:
    """What could not stand in a request is refused when a model is registered."""
    with pytest.raises(ValueError, match=r"."):
        target(url, headers)


PROXY = "http://user%20x:p%40ss@proxy.example:3129"


def test_which_proxy() -> None:
    """The scheme's own variable goes before ALL_PROXY; small letters are as good as capitals."""
    proxies = Proxies({"HTTPS_PROXY": PROXY, "all_proxy": "other.example", "http_proxy": ""})
    secure = proxies.before("https", "example.com", 443)
    plain = proxies.before("http", "example.com", 80)

    assert secure is not None
    assert (secure.host, secure.port) == ("proxy.example", 3129)
    assert secure.authorization == "Basic dXNlciB4OnBAc3M="
    assert plain is not None
    assert (plain.host, plain.port, plain.authorization) == ("other.example", 3128, None)
    assert "p@ss" not in repr(secure)
    assert "dXNlciB4" not in repr(secure)


def test_without_a_proxy() -> None:
    """No variable, no proxy."""
    assert Proxies({}).before("http", "example.com", 80) is None


@pytest.mark.parametrize(
    ("rules", "direct"),
    [
        ("*", True),
        ("example.com", True),
        (".example.com", True),
        ("*.example.com", True),
        ("EXAMPLE.com", True),
        ("other.net, example.com ,", True),
        ("example.com:443", True),
        ("example.com:80", False),
        ("le.com", False),
        ("api.example.com", True),
        ("www.example.com", False),
        ("", False),
        (" , ,", False),
    ],
)
def test_no_proxy(rules: str, *, direct: bool) -> None:
    """A rule names a host and all below it, with a port only that port."""
    proxies = Proxies({"HTTPS_PROXY": PROXY, "NO_PROXY": rules})

    assert (proxies.before("https", "api.example.com", 443) is None) is direct


@pytest.mark.parametrize("value", ["socks5://x:1", "https://x:1", "http://", "http://x:y"])
def test_proxies_that_are_none(value: str) -> None:
    """A proxy that cannot be used is refused and not passed over in silence."""
    with pytest.raises(ValueError, match=r"."):
        Proxies({"HTTP_PROXY": value})


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (Timeouts(), (1.0, 2.0, 3.0, 4.0)),
        (Timeouts(connect_s=9.0), (9.0, 2.0, 3.0, 4.0)),
        (Timeouts(first_token_s=9.0, between_tokens_s=8.0), (1.0, 9.0, 8.0, 4.0)),
        (Timeouts(total_s=9.0), (1.0, 2.0, 3.0, 9.0)),
    ],
)
def test_limits_that_a_document_states(
    stated: Timeouts, expected: tuple[float, float, float, float]
) -> None:
    """Each takes the place of the setting, and no other."""
    assert Patience(1.0, 2.0, 3.0, 4.0).stated(stated)[:4] == expected
