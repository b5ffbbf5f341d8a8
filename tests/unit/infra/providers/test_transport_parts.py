"""Parts of the transport without a connection: targets, proxies, the clock of an exchange."""

import asyncio

import pytest

from llmproxy.infra.providers.transport.errors import Cut, Garbled, Silent
from llmproxy.infra.providers.transport.exchange import HIGH_WATER_BYTES, Exchange
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Origin, Patience, target
from tests.fakes.line import FakeLine

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


class _Timed:
    """An exchange whose clock is moved by the test."""

    def __init__(self, *, total_s: float | None = None, streaming: bool = True) -> None:
        self.line = FakeLine()
        patience = Patience(1.0, 5.0, 2.0, total_s)
        loop = asyncio.get_running_loop()
        self.exchange = Exchange(loop, self.line, patience, 1 << 20, streaming=streaming)
        self.began = self.exchange.seen_at

    def passes(self, seconds: float) -> str | None:
        """Look at the clock this long after the beginning; the silence that it found."""
        self.exchange.check(self.began + seconds)
        error = self.exchange.error
        return error.what if isinstance(error, Silent) else None


@pytest.mark.asyncio
async def test_silence_before_the_answer() -> None:
    """The first byte has its own limit."""
    timed = _Timed()

    assert timed.passes(4.9) is None
    assert timed.passes(5.0) == "first byte"
    assert timed.line.aborted


@pytest.mark.asyncio
async def test_silence_within_the_answer() -> None:
    """Behind the status the limit is that of idleness, from the last byte on."""
    timed = _Timed()
    timed.exchange.begin(200)

    assert timed.passes(1.9) is None
    timed.exchange.seen_at = timed.began + 1.9
    assert timed.passes(3.8) is None
    assert timed.passes(3.9) == "idle"


@pytest.mark.asyncio
async def test_the_total() -> None:
    """An answer that never ends ends at the total, however lively it is."""
    timed = _Timed(total_s=10.0)
    timed.exchange.begin(200)
    timed.exchange.seen_at = timed.began + 9.9

    assert timed.passes(9.95) is None
    assert timed.passes(10.0) == "total"


@pytest.mark.asyncio
async def test_a_client_that_reads_slowly_is_no_silence() -> None:
    """While reading is paused the provider is not blamed for its silence."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.feed(b"x" * (HIGH_WATER_BYTES + 1))

    assert timed.line.paused
    assert timed.passes(1000.0) is None
    assert await timed.exchange.next() == b"x" * (HIGH_WATER_BYTES + 1)
    assert not timed.line.paused
    timed.began = timed.exchange.seen_at
    assert timed.passes(2.1) == "idle"


@pytest.mark.asyncio
async def test_pulses() -> None:
    """A reader that waits is woken with nothing, once per silence of that length."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.pulse_every(0.5)
    reading = asyncio.create_task(timed.exchange.next())
    await asyncio.sleep(0)
    timed.passes(0.4)
    await asyncio.sleep(0)
    assert not reading.done()
    timed.passes(0.5)
    assert await reading == b""
    timed.passes(0.6)
    timed.exchange.feed(b"data")
    assert await timed.exchange.next() == b"data"


@pytest.mark.asyncio
async def test_the_order_of_things() -> None:
    """What had arrived is handed over before the error, the error before the end."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.feed(b"one")
    timed.exchange.feed(b"two")
    timed.exchange.fail(Cut("reset", before_answer=False))
    timed.exchange.fail(Cut("again", before_answer=False))

    assert await timed.exchange.next() == b"onetwo"
    with pytest.raises(Cut, match="reset"):
        await timed.exchange.next()


@pytest.mark.asyncio
async def test_an_answer_beyond_all_bounds() -> None:
    """An answer that is never read and never ends is given up."""
    timed = _Timed(streaming=False)
    timed.exchange.begin(200)
    for _ in range(3):
        timed.exchange.feed(b"x" * (1 << 19))

    with pytest.raises(Garbled):
        await timed.exchange.whole()
    assert timed.line.aborted


@pytest.mark.asyncio
async def test_a_whole_answer() -> None:
    """It is complete only at its end."""
    timed = _Timed(streaming=False)
    reading = asyncio.create_task(timed.exchange.whole())
    await asyncio.sleep(0)
    timed.exchange.begin(200)
    timed.exchange.feed(b"one")
    await asyncio.sleep(0)
    assert not reading.done()
    timed.exchange.feed(b"two")
    timed.exchange.finish()
    assert await reading == b"onetwo"


@pytest.mark.asyncio
@pytest.mark.parametrize("method", ["answered", "whole", "next"])
async def test_who_stops_waiting_gives_up(method: str) -> None:
    """A reader that is cancelled closes the provider's connection."""
    timed = _Timed()
    reading = asyncio.create_task(getattr(timed.exchange, method)())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert timed.line.aborted


@pytest.mark.asyncio
async def test_draining() -> None:
    """Nobody reads on, and the rest has only so long to come."""
    timed = _Timed()
    timed.exchange.begin(200)
    timed.exchange.feed(b"rest")
    timed.exchange.drain(1.0)
    now = asyncio.get_running_loop().time()
    timed.exchange.check(now + 0.9)
    assert not timed.line.aborted
    timed.exchange.check(now + 1.1)
    assert timed.line.aborted
