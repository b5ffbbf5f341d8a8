"""The server as a process: its secrets, upstreams over TLS, and upstreams that are away."""

from pathlib import Path

import openai
import pytest

from tests.api.conftest import Upstreams
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.simulators.bodies import HELLO
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import away, running, tls_context
from tests.simulators.tls import self_signed

ACCOUNT = {"secret_name": "OPENAI_SIMULATOR_KEY"}
ANSWER = "Simulated answer to: hello there"


def _ask(gateway: Gateway, model: str) -> str | None:
    with openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client:
        answer = client.chat.completions.create(model=model, messages=HELLO)
        chunks = list(client.chat.completions.create(model=model, messages=HELLO, stream=True))
    said = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert said == answer.choices[0].message.content
    return said


def test_health(gateway: Gateway) -> None:
    """The three health paths answer."""
    assert gateway.get("/health/live")[0] == 200
    assert gateway.get("/health/ready")[0] == 200
    assert gateway.get("/health") == (200, b'{"status":"healthy","environment":"development"}')


def test_the_echo_model(tmp_path: Path) -> None:
    """A server without any document answers through its own echo model."""
    with (
        serving(tmp_path) as gateway,
        openai.OpenAI(base_url=gateway.base_url, api_key="none") as client,
    ):
        answer = client.chat.completions.create(model="echo", messages=HELLO)

    assert answer.choices[0].message.content == "hello there"
    assert answer.usage is not None
    assert answer.usage.total_tokens > 0


def test_upstreams_over_tls(tmp_path: Path) -> None:
    """An upstream is called over TLS, and only with a certificate that the machine trusts."""
    trusted, strange = tmp_path / "trusted", tmp_path / "strange"
    for folder in (trusted, strange):
        folder.mkdir()
    known, unknown = self_signed(trusted), self_signed(strange)
    with (
        running(OpenAISimulator(tls=tls_context(*known))) as right,
        running(OpenAISimulator(tls=tls_context(*unknown))) as wrong,
    ):
        documents = [
            document(
                code, "OpenAI", "OpenAI", **ACCOUNT, model="gpt-4o", endpoint=upstream.base_url
            )
            for code, upstream in (("right", right), ("wrong", wrong))
        ]
        settings = SECRETS | {"SSL_CERT_FILE": str(known[0])}
        with serving(tmp_path, documents, settings) as gateway:
            assert _ask(gateway, "right") == ANSWER
            with pytest.raises(openai.InternalServerError) as failed:
                _ask(gateway, "wrong")
            assert failed.value.status_code == 502
            assert "certificate" in gateway.log.lower()

    assert wrong.requests == []


def test_an_upstream_that_is_away(gateway: Gateway, upstreams: Upstreams) -> None:
    """A refused connection is a 502, and the upstream is found again when it is back."""
    assert _ask(gateway, "gpt-4o-mini") == ANSWER
    with away(upstreams.openai), pytest.raises(openai.InternalServerError) as failed:
        _ask(gateway, "gpt-4o-mini")

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_unreachable")
    assert _ask(gateway, "gpt-4o-mini") == ANSWER


def test_secrets_whose_names_hold_dashes(tmp_path: Path) -> None:
    """A secret named as `SP-BRIDGE-4852-DEV` is found in the environment."""
    with running(OpenAISimulator()) as simulator:
        account = {"secret_name": "SP-BRIDGE-4852-DEV", "endpoint": simulator.base_url}
        documents = [document("gpt-4o", "OpenAI", "OpenAI", **account)]
        with serving(tmp_path, documents, {"SP-BRIDGE-4852-DEV": "sk-simulator"}) as gateway:
            assert _ask(gateway, "gpt-4o") == ANSWER
