"""How a session ends: closed by either side, or without a word."""

import contextlib
import time

import pytest

from tests.api.conftest import Upstreams
from tests.api.gateway import Gateway
from tests.api.raw import connected
from tests.api.realtime.hearing import heard
from tests.api.realtime.ledger import Ledger
from tests.api.realtime.raw_socket import CLOSE, handshake, talking


@pytest.mark.parametrize(
    ("code", "reason"), [(1000, "bye"), (1001, ""), (3999, "p\u00e3o"), (4000, "x")]
)
def test_the_clients_closing_goes_on(
    gateway: Gateway, upstreams: Upstreams, ledger: Ledger, code: int, reason: str
) -> None:
    """Code and reason of the client's close frame reach the provider."""
    with talking(gateway.url) as session:
        session.event()
        session.send(CLOSE, code.to_bytes(2) + reason.encode())
        assert session.closed() == (code, reason)
        assert session.wire.ends()

    record = heard(upstreams, 0)
    record.wait_until_over()
    assert record.heard.closed == (code, reason)
    [line] = ledger.settled()
    assert (line["outcome"], line["cost_nano"]) == ("finished", 0)


@pytest.mark.parametrize(("code", "reason"), [(1000, "bye"), (1011, "broken"), (4001, "session")])
def test_the_providers_closing_goes_on(
    gateway: Gateway, upstreams: Upstreams, ledger: Ledger, code: int, reason: str
) -> None:
    """Code and reason of the provider's close frame reach the client, behind what it had said."""
    upstreams.openai.fail_next("close_frame", after_events=4, status=code, reason=reason)
    with talking(gateway.url) as session:
        session.say(type="response.create")
        seen = [session.event()["type"] for _ in range(4)]
        assert session.closed() == (code, reason)
        session.send(CLOSE, code.to_bytes(2))
        assert session.wire.ends()

    assert seen[0] == "session.created"
    assert seen[1] == "response.created"
    first, *rest = ledger.settled()
    assert first["outcome"] == ("aborted" if code == 1000 else "failed")
    assert first["error"] == (None if code == 1000 else f"closed_{code}")
    assert first["usage"][-1] is True
    assert rest == []


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="errors")
@pytest.mark.parametrize("kind", ["cut_mid_stream", "reset_mid_stream"])
def test_a_provider_that_vanishes(
    gateway: Gateway, upstreams: Upstreams, ledger: Ledger, kind: str
) -> None:
    """Without a close frame the client gets an error event and 1011."""
    upstreams.openai.fail_next(kind, after_events=4)
    with talking(gateway.url) as session:
        session.say(type="response.create")
        events = [session.event() for _ in range(5)]
        assert session.closed() == (1011, "upstream_error")

    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["code"] == "upstream_error"
    assert events[-1]["error"]["type"] == "server_error"
    [line] = ledger.settled()
    assert (line["outcome"], line["error"]) == ("failed", "upstream_error")


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="cancel")
@pytest.mark.parametrize("leave", ["leave", "reset"])
def test_a_client_that_vanishes(
    gateway: Gateway, upstreams: Upstreams, ledger: Ledger, leave: str
) -> None:
    """The provider's session ends with it; a response under way is settled by an estimate."""
    upstreams.openai.fail_next("hang_mid_stream", after_events=5)
    with contextlib.suppress(OSError), talking(gateway.url) as session:
        session.say(type="response.create")
        for _ in range(5):
            session.event()
        getattr(session.wire, leave)()

    record = heard(upstreams, 1)
    record.wait_until_over()
    assert record.disconnected_after_ms is not None
    [line] = ledger.settled()
    assert line["outcome"] == "aborted"
    assert line["usage"][-1] is True
    assert line["usage"][3] > 0


@pytest.mark.conformance(operation="realtime", provider="OpenAI", aspect="cancel")
def test_a_client_that_leaves_during_the_handshake(
    gateway: Gateway, upstreams: Upstreams, ledger: Ledger
) -> None:
    """The provider's handshake is given up."""
    upstreams.openai.fail_next("hang_before_headers")
    with contextlib.suppress(AssertionError), talking_nowhere(gateway.url, upstreams):
        pass

    [record] = upstreams.openai.requests
    record.wait_until_over()
    assert record.disconnected_after_ms is not None
    [line] = ledger.settled()
    assert line["outcome"] == "aborted"


@contextlib.contextmanager
def talking_nowhere(url: str, upstreams: Upstreams):  # type: ignore[no-untyped-def] # noqa: ANN201
    """A client that leaves as soon as the provider was asked."""
    with connected(url) as wire:
        wire.send(handshake())
        until = time.monotonic() + 10
        while not upstreams.openai.requests:
            assert time.monotonic() < until
            time.sleep(0.005)
        wire.leave()
        yield
