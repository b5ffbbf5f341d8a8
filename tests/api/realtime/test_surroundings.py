"""Sessions and what is around them: TLS, proxies, silence, and a server that ends."""

import threading
from contextlib import ExitStack
from pathlib import Path

import openai
import pytest

from tests.api.certificates import certificate_for
from tests.api.conftest import Upstreams
from tests.api.documents import SECRETS, document
from tests.api.gateway import serving
from tests.api.realtime.conftest import COSTS, realtime_documents
from tests.api.realtime.hearing import heard
from tests.api.realtime.ledger import Ledger
from tests.api.realtime.raw_socket import CLOSE, RawSocket, talking
from tests.simulators.forward_proxy import forward_proxy
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context


def test_a_server_that_ends(upstreams: Upstreams, tmp_path: Path) -> None:
    """Its sessions are closed with 1012, the provider's with 1001, and nothing stays unsettled."""
    ended: list[tuple[int | None, str]] = []

    def follow(session: RawSocket) -> None:
        code, reason = session.closed()
        ended.append((code, reason))
        session.send(CLOSE, (code or 0).to_bytes(2))

    settings = SECRETS | {"SHUTDOWN_TIMEOUT_S": "0.5"}
    with ExitStack() as later:
        with serving(tmp_path, realtime_documents(upstreams), settings) as gateway:
            ledger = Ledger(tmp_path / "data" / "journal")
            session = later.enter_context(talking(gateway.url))
            session.event()
            following = threading.Thread(target=follow, args=(session,))
            following.start()
        following.join()

    assert ended == [(1012, "The gateway is restarting.")]
    record = heard(upstreams, 0)
    record.wait_until_over()
    assert record.heard.closed == (1001, "")
    assert len(ledger.settled()) == 1


def test_silence(upstreams: Upstreams, tmp_path: Path) -> None:
    """A session in which nothing is said for long is closed on both sides."""
    settings = SECRETS | {"REALTIME_IDLE_TIMEOUT_S": "0.4"}
    with (
        serving(tmp_path, realtime_documents(upstreams), settings) as gateway,
        talking(gateway.url) as session,
    ):
        assert session.closed() == (1001, "Nothing was said for 0.4 s.")

    record = heard(upstreams, 0)
    record.wait_until_over()
    assert record.heard.closed == (1001, "")


@pytest.mark.parametrize("secured", [True, False], ids=["wss", "ws"])
@pytest.mark.parametrize("proxied", [True, False], ids=["proxy", "direct"])
def test_the_way_to_the_provider(tmp_path: Path, *, secured: bool, proxied: bool) -> None:
    """Plain and TLS, directly and through a proxy's tunnel: big messages pass both ways."""
    made = certificate_for(tmp_path, "known", "IP:127.0.0.1")
    settings = SECRETS | {"SSL_CERT_FILE": str(made.certificate)}
    with ExitStack() as stack:
        tls = tls_context(made.certificate, made.key) if secured else None
        upstream = stack.enter_context(running(OpenAISimulator(tls=tls)))
        proxy = stack.enter_context(forward_proxy("user", "secret"))
        if proxied:
            settings["ALL_PROXY"] = f"http://user:secret@127.0.0.1:{proxy.port}"
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": upstream.base_url}
        talker = document("talker", "OpenAI", "OpenAI", model="gpt-realtime", **account)
        talker |= {"operations": ["audio_realtime"], "costs": COSTS}
        gateway = stack.enter_context(serving(tmp_path, [talker], settings))
        with (
            openai.OpenAI(base_url=gateway.base_url, api_key="sk-none") as client,
            client.realtime.connect(model="talker") as connection,
        ):
            connection.input_audio_buffer.append(audio="A" * 4_000_000)
            connection.response.create()
            kinds = [connection.recv().type for _ in range(12)]

        assert kinds[:2] == ["session.created", "response.created"]
        assert [seen.line.split()[0] for seen in proxy.seen] == (["CONNECT"] if proxied else [])
