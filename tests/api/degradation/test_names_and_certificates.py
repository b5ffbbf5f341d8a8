"""Names that lead nowhere and certificates that are over: said at once, and another is asked."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.certificates import certificate_for, expire
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.raw import Answer, chat, exchange, post
from tests.api.traces import settled
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context

BOTH = pytest.mark.parametrize("stream", [b"", b'"stream":true'], ids=["plain", "stream"])
NOWHERE = "no-such-host.invalid"
"""RFC 6761, 6.4: no name below `invalid` ever exists."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Models: `nowhere`, `old`, each also with a healthy deployment (`-pair`)."""

    gateway: Gateway
    old: OpenAISimulator


@pytest.fixture(scope="module", name="stage")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("names")
    known = certificate_for(folder, "known", "IP:127.0.0.1")
    old = certificate_for(folder, "old", "IP:127.0.0.1")
    expire(old)
    trusted = folder / "trusted.pem"
    trusted.write_text(known.certificate.read_text() + old.certificate.read_text())
    with ExitStack() as stack:
        healthy, expired = (
            stack.enter_context(
                running(OpenAISimulator(tls=tls_context(each.certificate, each.key)))
            )
            for each in (known, old)
        )
        nowhere = f"https://{NOWHERE}/v1"
        documents = [
            _model("nowhere", "nowhere", nowhere),
            _model("nowhere-pair", "nowhere-1", nowhere),
            _model("nowhere-pair", "nowhere-2", healthy.base_url),
            _model("old", "old", expired.base_url),
            _model("old-pair", "old-1", expired.base_url),
            _model("old-pair", "old-2", healthy.base_url),
        ]
        # A machine without any resolver waits for one no longer than this.
        settings = SECRETS | {"SSL_CERT_FILE": str(trusted), "RES_OPTIONS": "timeout:1 attempts:1"}
        with serving(folder, documents, settings) as gateway:
            yield Stage(gateway, expired)


def _model(code: str, id_: str, endpoint: str) -> dict[str, Any]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
    return document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account) | {"id": id_}


def _ask(stage: Stage, model: str, stream: bytes = b"") -> Answer:
    return exchange(stage.gateway.url, post(chat(stream, model.encode())))


def _last_line(stage: Stage, before: int) -> dict[str, Any]:
    assert within(5.0, lambda: len(settled(stage.gateway)) > before)
    return settled(stage.gateway)[-1]


CASES = pytest.mark.parametrize(
    ("model", "code", "reason"),
    [
        ("nowhere", "upstream_dns_failed", NOWHERE),
        ("old", "upstream_tls_failed", "certificate has expired"),
    ],
)


@BOTH
@CASES
def test_alone(stage: Stage, model: str, code: str, reason: str, stream: bytes) -> None:
    """It is a 502 in its own word; the log has the reason, the caller no address."""
    before = len(settled(stage.gateway))
    answer = _ask(stage, model, stream)

    assert (answer.status, answer.error["code"]) == (502, code)
    assert answer.header("x-should-retry") == "true"
    assert NOWHERE not in answer.error["message"]
    line = _last_line(stage, before)
    assert (line["outcome"], line["error"], line["cost_nano"]) == ("failed", code, 0)
    log = [each for each in stage.gateway.log.splitlines() if line["request_id"] in each]
    assert any(reason in each for each in log)
    assert stage.old.requests == []


@BOTH
@CASES
def test_with_another_deployment(
    stage: Stage, model: str, code: str, reason: str, stream: bytes
) -> None:
    """Nobody notices; the attempt is on record with its reason."""
    assert reason
    before = len(settled(stage.gateway))
    for _ in range(2):
        assert _ask(stage, f"{model}-pair", stream).status == 200
    assert within(5.0, lambda: len(settled(stage.gateway)) == before + 2)
    lines = settled(stage.gateway)[before:]
    attempts = [each["error"] for line in lines for each in line["attempts"]]

    assert attempts.count(code) >= 1
    assert attempts.count(None) == 2
