"""No file descriptor left: calls are told so, nothing spins, and it is over when there is one."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from tests.api.asking import within
from tests.api.degradation.process import cpu_share, few_files
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, Wire, chat, connected, post
from tests.api.traces import open_files, settled
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

SPARE = 12
RECOVERY_S = 10.0
LIVE = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
BOTH = pytest.mark.parametrize(
    ("stream", "model"), [(b"", b"one"), (b'"stream":true', b"two")], ids=["plain", "stream"]
)
"""Each with a provider of its own, to which no connection is kept."""


@pytest.fixture(scope="module", name="gateway")
def _gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with (
        running(OpenAISimulator()) as one,
        running(OpenAISimulator()) as two,
        running(OpenAISimulator()) as third,
    ):
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
        documents = [
            document(code, "OpenAI", "OpenAI", endpoint=simulator.base_url, **account)
            for code, simulator in (("one", one), ("two", two), ("m", third))
        ]
        with serving(tmp_path_factory.mktemp("files"), documents, SECRETS) as gateway:
            yield gateway


def _ask(wire: Wire, stream: bytes = b"", model: bytes = b"m") -> Answer:
    wire.send(post(chat(stream, model)))
    return wire.answer()


@contextmanager
def _crowded(gateway: Gateway) -> Iterator[None]:
    """While the block runs it may open few files, and clients hold them all."""
    host, _, port = gateway.url.removeprefix("http://").rpartition(":")
    with ExitStack() as stack:
        limit = stack.enter_context(few_files(gateway, SPARE))
        for _ in range(SPARE * 4):
            stack.enter_context(socket.create_connection((host, int(port)), timeout=5))
        assert within(5.0, lambda: open_files(gateway.process.pid) >= limit)
        yield


@BOTH
def test_calls_without_a_connection_to_a_provider(
    gateway: Gateway, stream: bytes, model: bytes
) -> None:
    """It is a 503 that says when to come again; health is answered; then all is as before."""
    with connected(gateway.url) as kept, _crowded(gateway):
        before = len(settled(gateway))
        answer = _ask(kept, stream, model)
        assert (answer.status, answer.error["code"]) == (503, "out_of_connections")
        assert answer.header("retry-after") == "1"
        assert answer.header("x-should-retry") == "true"
        kept.send(LIVE)
        assert kept.answer().status == 200
        [line] = settled(gateway)[before:]
        assert (line["outcome"], line["cost_nano"]) == ("failed", 0)
        assert [each["error"] for each in line["attempts"]] == ["out_of_connections"]

    assert within(RECOVERY_S, lambda: _answers(gateway, model))


def _answers(gateway: Gateway, model: bytes = b"m") -> bool:
    with suppress(OSError, AssertionError), connected(gateway.url) as wire:
        return _ask(wire, model=model).status == 200
    return False


def test_clients_that_cannot_come_in(gateway: Gateway) -> None:
    """They are turned away at once and cost nothing; those that are in are served."""
    assert within(RECOVERY_S, lambda: _answers(gateway))
    before = open_files(gateway.process.pid)
    with connected(gateway.url) as kept:
        assert _ask(kept).status == 200
        with _crowded(gateway):
            with pytest.raises((OSError, AssertionError)), connected(gateway.url) as more:
                _ask(more)
            assert cpu_share(gateway, 2.0) < 0.3
            assert _ask(kept).status == 200, "its connection to the provider was kept"

    assert within(RECOVERY_S, lambda: _answers(gateway))
    assert within(RECOVERY_S, lambda: open_files(gateway.process.pid) <= before + 2)


def test_kept_connections_give_way(gateway: Gateway) -> None:
    """Those to providers that nobody asks are closed, so that a later call finds room."""
    with ExitStack() as stack:
        wires = [stack.enter_context(connected(gateway.url)) for _ in range(5)]
        assert within(RECOVERY_S, lambda: all(_ask(wire).status == 200 for wire in wires))
        for wire in wires:
            wire.send(post(chat(b"", b"two")))
        for wire in wires:
            assert wire.answer().status == 200
        with _crowded(gateway):
            refused = _ask(wires[0], model=b"one")
            assert within(RECOVERY_S, lambda: _ask(wires[0], model=b"one").status == 200)

    assert refused.status == 503
