"""The way to an upstream: TLS with verification, and forward proxies from the environment."""

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.certificates import certificate_for
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, chat, connected, exchange, post
from tests.api.traces import settled
from tests.simulators.faults import FaultKind
from tests.simulators.forward_proxy import ForwardProxy, Mood, forward_proxy
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context

BOTH = pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
CONNECT_S = 0.6
USER, PASSWORD = "the user", "p@ss:word/%"
IN_URL = "the%20user:p%40ss%3Aword%2F%25"
CREDENTIAL = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SETTINGS = SECRETS | {"CONNECT_TIMEOUT_S": str(CONNECT_S)}
TOO_LATE = (504, "upstream_connect_timeout")
UNTRUSTED, UNREACHABLE = (502, "upstream_tls_failed"), (502, "upstream_unreachable")


def _ask(gateway: Gateway, model: str, *, stream: bool = False) -> Answer:
    body = chat(b'"stream":true' if stream else b"", model.encode())
    return exchange(gateway.url, post(body))


def _documents(**endpoints: str) -> list[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o"}
    return [
        document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account)
        for code, endpoint in endpoints.items()
    ]


def _unreachable(gateway: Gateway, answer: Answer, told: tuple[int, str] = UNREACHABLE) -> str:
    """Check that an upstream could not be reached; return what the log says of it."""
    assert (answer.status, answer.error["code"]) == told
    assert "127.0.0.1" not in answer.error["message"]
    line = settled(gateway)[-1]
    assert (line["outcome"], line["cost_nano"]) == ("failed", 0)
    [said] = [each for each in gateway.log.splitlines() if str(line["request_id"]) in each][:1]
    return said


@dataclass(frozen=True, slots=True)
class Secured:
    """A server that trusts two of three certificates, before upstreams that show them."""

    gateway: Gateway
    right: OpenAISimulator
    others: dict[str, OpenAISimulator]


@pytest.fixture(scope="module", name="secured_server")
def _secured_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    folder = tmp_path_factory.mktemp("tls")
    known = certificate_for(folder, "known", "IP:127.0.0.1", "DNS:localhost")
    elsewhere = certificate_for(folder, "elsewhere", "DNS:elsewhere.example", "IP:10.0.0.1")
    unknown = certificate_for(folder, "unknown", "IP:127.0.0.1", "DNS:localhost")
    trusted = folder / "trusted.pem"
    trusted.write_text(known.certificate.read_text() + elsewhere.certificate.read_text())
    with ExitStack() as stack:
        right, other_host, stranger = (
            stack.enter_context(
                running(OpenAISimulator(tls=tls_context(each.certificate, each.key)))
            )
            for each in (known, elsewhere, unknown)
        )
        plain = stack.enter_context(running(OpenAISimulator()))
        documents = _documents(
            right=right.base_url,
            by_name=right.base_url.replace("127.0.0.1", "localhost"),
            other_host=other_host.base_url,
            stranger=stranger.base_url,
            tls_to_plain=plain.base_url.replace("http:", "https:"),
            plain_to_tls=right.base_url.replace("https:", "http:"),
        )
        settings = SETTINGS | {"SSL_CERT_FILE": str(trusted)}
        gateway = stack.enter_context(serving(folder, documents, settings))
        others = {"other_host": other_host, "stranger": stranger, "tls_to_plain": plain}
        yield Secured(gateway, right, others)


@pytest.fixture(name="secured")
def _secured(secured_server: Secured) -> Iterator[Secured]:
    secured_server.right.reset()
    yield secured_server
    secured_server.gateway.check()


@BOTH
def test_tls(secured: Secured, *, stream: bool) -> None:
    """An upstream with a trusted certificate answers, on one connection that is kept."""
    for model in ("right", "by_name", "right"):
        assert _ask(secured.gateway, model, stream=stream).status == 200

    first, other, second = secured.right.requests
    assert first.connection == second.connection != other.connection


@BOTH
@pytest.mark.parametrize(
    ("model", "reason", "told"),
    [
        ("stranger", "self-signed certificate", UNTRUSTED),
        ("other_host", "IP address mismatch", UNTRUSTED),
        ("tls_to_plain", f"no connection to 127.0.0.1 within {CONNECT_S:g} s", TOO_LATE),
    ],
)
def test_tls_that_cannot_be_trusted(
    secured: Secured, model: str, reason: str, told: tuple[int, str], *, stream: bool
) -> None:
    """An unknown authority, another host's certificate or no TLS at all: nothing is sent."""
    said = _unreachable(secured.gateway, _ask(secured.gateway, model, stream=stream), told)

    assert reason in said
    assert secured.others[model].requests == []


def test_plain_http_to_tls(secured: Secured) -> None:
    """An upstream that expects TLS and is asked without it is a 502."""
    assert _ask(secured.gateway, "plain_to_tls").status == 502


@BOTH
@pytest.mark.parametrize("kind", [FaultKind.CUT_MID_STREAM, FaultKind.RESET_AFTER_HEADERS])
def test_cuts_under_tls(secured: Secured, kind: FaultKind, *, stream: bool) -> None:
    """A cut is a cut under TLS too: a status before the content, a frame after it."""
    secured.right.fail_next(kind, after_events=3, chunk_interval_ms=20)
    answer = _ask(secured.gateway, "right", stream=stream)

    if stream and kind is FaultKind.CUT_MID_STREAM:
        assert (answer.status, answer.body.count(b'data: {"error"')) == (200, 1)
    else:
        assert (answer.status, answer.error["code"]) == (502, "upstream_connection_lost")


@BOTH
@pytest.mark.parametrize("kind", [FaultKind.GARBAGE, FaultKind.BAD_CHUNKING])
def test_nonsense_under_tls(secured: Secured, kind: FaultKind, *, stream: bool) -> None:
    """A connection given up in the middle of what it received leaves no traceback behind."""
    for _ in range(5):
        secured.right.fail_next(kind, after_events=1)
        answer = _ask(secured.gateway, "right", stream=stream)
        assert (answer.status, answer.error["code"]) == (502, "upstream_error")


def test_a_stale_connection_under_tls(secured: Secured) -> None:
    """A kept connection that was closed is replaced under TLS too."""
    for kind in (FaultKind.STALE_KEEP_ALIVE, FaultKind.TIMING, FaultKind.CLOSE_BEFORE_HEADERS):
        assert _ask(secured.gateway, "right").status == 200
        secured.right.fail_next(kind)
    assert _ask(secured.gateway, "right").status == 200


@dataclass(frozen=True, slots=True)
class Proxied:
    """A server behind a proxy that asks for a password, and upstreams on its other side."""

    gateway: Gateway
    proxy: ForwardProxy
    plain: OpenAISimulator
    secure: OpenAISimulator
    direct: OpenAISimulator


@pytest.fixture(scope="module", name="proxied_server")
def _proxied_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    folder = tmp_path_factory.mktemp("proxied")
    known = certificate_for(folder, "known", "IP:127.0.0.1")
    with (
        forward_proxy(USER, PASSWORD) as proxy,
        running(OpenAISimulator()) as plain,
        running(OpenAISimulator(tls=tls_context(known.certificate, known.key))) as secure,
        running(OpenAISimulator()) as direct,
    ):
        address = f"http://{IN_URL}@127.0.0.1:{proxy.port}"
        settings = SETTINGS | {
            "HTTP_PROXY": address,
            "https_proxy": address,
            "NO_PROXY": f"example.com, 127.0.0.1:{direct.port}",
            "SSL_CERT_FILE": str(known.certificate),
        }
        documents = _documents(
            plain=plain.base_url,
            secure=secure.base_url,
            direct=direct.base_url,
            nowhere="https://127.0.0.1:9/v1",
        )
        with serving(folder, documents, settings) as gateway:
            yield Proxied(gateway, proxy, plain, secure, direct)


@pytest.fixture(name="proxied")
def _proxied(proxied_server: Proxied) -> Iterator[Proxied]:
    """The server; the proxy's password and the provider's key never reach its log."""
    proxied_server.proxy.mood = Mood.SERVE
    proxied_server.proxy.seen.clear()
    for upstream in (proxied_server.plain, proxied_server.secure, proxied_server.direct):
        upstream.reset()
    yield proxied_server
    gateway = proxied_server.gateway
    gateway.check()
    for secret in (PASSWORD, IN_URL, CREDENTIAL.split()[1], "sk-simulator"):
        assert secret not in gateway.log


@BOTH
def test_plain_http_through_a_proxy(proxied: Proxied, *, stream: bool) -> None:
    """The proxy is given the whole URL and its own credential, which the upstream never sees."""
    assert _ask(proxied.gateway, "plain", stream=stream).status == 200

    [seen] = proxied.proxy.seen
    authority = f"127.0.0.1:{proxied.plain.port}"
    assert seen.line == f"POST http://{authority}/v1/chat/completions HTTP/1.1"
    assert seen.header("host") == authority
    assert seen.header("proxy-authorization") == CREDENTIAL
    [record] = proxied.plain.requests
    assert record.header("proxy-authorization") is None


@BOTH
def test_tls_through_a_proxy(proxied: Proxied, *, stream: bool) -> None:
    """A tunnel is asked for with the proxy's credential only; the rest is TLS to the upstream."""
    for _ in range(2):
        assert _ask(proxied.gateway, "secure", stream=stream).status == 200

    authority = f"127.0.0.1:{proxied.secure.port}"
    for seen in proxied.proxy.seen:
        assert seen.line == f"CONNECT {authority} HTTP/1.1"
        assert seen.header("host") == authority
        assert seen.header("proxy-authorization") == CREDENTIAL
        assert seen.header("authorization") is None
    assert len(proxied.proxy.seen) <= 1
    for record in proxied.secure.requests:
        assert record.header("proxy-authorization") is None
        assert record.header("authorization") == "Bearer sk-simulator"


def test_no_proxy(proxied: Proxied) -> None:
    """An upstream that NO_PROXY names is reached directly."""
    assert _ask(proxied.gateway, "direct").status == 200

    assert proxied.proxy.seen == []
    assert len(proxied.direct.requests) == 1


@BOTH
@pytest.mark.parametrize("mood", [Mood.REFUSE, Mood.CLOSE, Mood.GARBAGE, Mood.HANG])
def test_a_proxy_that_opens_no_tunnel(proxied: Proxied, mood: Mood, *, stream: bool) -> None:
    """Without a tunnel the upstream is not reachable; the log names the proxy and the reason."""
    proxied.proxy.mood = mood
    started = time.monotonic()
    told = TOO_LATE if mood is Mood.HANG else UNREACHABLE
    said = _unreachable(proxied.gateway, _ask(proxied.gateway, "nowhere", stream=stream), told)

    assert f"127.0.0.1:{proxied.proxy.port}" in said
    assert time.monotonic() - started < CONNECT_S + 0.5
    reason = {Mood.REFUSE: "403 Forbidden", Mood.HANG: f"within {CONNECT_S:g} s"}
    assert reason.get(mood, "the proxy") in said


def test_an_upstream_that_the_proxy_cannot_reach(proxied: Proxied) -> None:
    """The proxy's own 502 on a tunnel is an upstream that cannot be reached."""
    assert "502 Bad Gateway" in _unreachable(proxied.gateway, _ask(proxied.gateway, "nowhere"))


@pytest.mark.parametrize("mood", [Mood.REFUSE, Mood.CLOSE, Mood.GARBAGE])
def test_a_proxy_that_fails_plain_requests(proxied: Proxied, mood: Mood) -> None:
    """On plain HTTP the proxy's failure looks like the upstream's: a 502 in the envelope."""
    proxied.proxy.mood = mood
    answer = _ask(proxied.gateway, "plain")

    assert answer.status == 502
    assert answer.error["code"].startswith("upstream_")
    assert proxied.plain.requests == []


def test_who_leaves_during_the_tunnel(proxied: Proxied) -> None:
    """A client that leaves while a proxy hangs ends the attempt."""
    proxied.proxy.mood = Mood.HANG
    before = len(settled(proxied.gateway))
    with connected(proxied.gateway.url) as wire:
        wire.send(post(chat(b"", b"nowhere")))
        assert within(5.0, lambda: len(proxied.proxy.seen) == 1)
        wire.leave()
        assert within(CONNECT_S / 2, lambda: len(settled(proxied.gateway)) == before + 1)

    assert settled(proxied.gateway)[-1]["outcome"] == "aborted"
