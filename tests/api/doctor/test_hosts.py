"""What is between the gateway and its providers: names, connections, certificates, keys."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.api.certificates import Certificate, certificate_for, expire
from tests.api.doctor.examined import Installation
from tests.api.documents import document
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running, tls_context
from tests.simulators.simulator import Simulator

NOWHERE = "no-such-host.invalid"
"""RFC 6761, 6.4: no name below `invalid` ever exists."""


def model(endpoint: str, code: str = "small", **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    """A model of OpenAI's at this endpoint."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
    return document(code, "OpenAI", "OpenAI", endpoint=endpoint, **account) | changes


@contextmanager
def over_tls(made: Certificate) -> Iterator[OpenAISimulator]:
    """OpenAI with this certificate."""
    with running(OpenAISimulator(tls=tls_context(made.certificate, made.key))) as simulator:
        yield simulator


def answers(simulator: Simulator) -> list[str]:
    """The paths that it was asked for with a body: questions to a model."""
    return [each.path for each in simulator.requests if each.body]


def test_all_is_well(installation: Installation) -> None:
    """Reached without a key; asked only where that is wanted, once for each model."""
    with running(OpenAISimulator()) as upstream:
        installation.register(model(upstream.base_url), model(upstream.base_url, "second"))
        looked = installation.examined()
        assert looked.code == 0, looked.text
        [reached] = looked.of("hosts", "ok")
        assert "(small, second) answers in" in reached["finding"]
        seen = [(each.path, each.header("authorization")) for each in upstream.requests]
        assert sorted(seen) == [("/", None), ("/v1/models", "Bearer sk-simulator")]
        assert looked.of("keys")[0]["finding"] == "no key is refused; asked: 1"
        asked = installation.examined("--ask")
        assert [row["finding"] for row in asked.of("answers")] == [
            "small answers",
            "second answers",
        ]
        assert answers(upstream) == ["/v1/chat/completions"] * 2


def test_a_host_that_is_down(installation: Installation) -> None:
    """It is named with the models that need it, and what to look at."""
    with running(OpenAISimulator()) as upstream:
        gone = upstream.base_url
    installation.register(model(gone))
    found = installation.examined().problem("hosts")
    assert "127.0.0.1" in found["finding"]
    assert "small" in found["finding"]
    assert "firewall or proxy" in found["todo"]


def test_a_name_that_leads_nowhere(installation: Installation) -> None:
    """As what it is: a name."""
    installation.register(model(f"https://{NOWHERE}/v1"))
    found = installation.examined(RES_OPTIONS="timeout:1 attempts:1").problem("hosts")
    assert NOWHERE in found["finding"]
    assert "cannot be resolved" in found["finding"] or "no answer" in found["finding"]


def test_a_certificate_that_has_expired(installation: Installation, tmp_path: Path) -> None:
    """OpenSSL's own word, and whose it is to mend."""
    made = certificate_for(tmp_path, "old", "IP:127.0.0.1")
    expire(made)
    with over_tls(made) as upstream:
        installation.register(model(upstream.base_url))
        found = installation.examined(SSL_CERT_FILE=str(made.certificate)).problem("hosts")
    assert "certificate has expired" in found["finding"]
    assert "renew its certificate" in found["todo"]


def test_a_certificate_that_ends_soon(installation: Installation, tmp_path: Path) -> None:
    """The one of this test is good for two days: a warning, and no problem."""
    made = certificate_for(tmp_path, "new", "IP:127.0.0.1")
    with over_tls(made) as upstream:
        installation.register(model(upstream.base_url))
        found = installation.examined(SSL_CERT_FILE=str(made.certificate))
    assert found.code == 0, found.text
    soon, clock = found.of("hosts", "warning")
    assert "ends in 1 days" in soon["finding"]
    assert "the clock is" in clock["finding"], "simulators answer with a date of long ago"


def test_an_authority_that_is_not_known(installation: Installation, tmp_path: Path) -> None:
    """A private one is named by SSL_CERT_FILE."""
    made = certificate_for(tmp_path, "own", "IP:127.0.0.1")
    with over_tls(made) as upstream:
        installation.register(model(upstream.base_url))
        found = installation.examined().problem("hosts")
    assert "SSL_CERT_FILE" in found["todo"]


def test_a_host_that_says_nothing(installation: Installation) -> None:
    """Connections are taken and never answered: told within the time of the check."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        installation.register(model(f"http://127.0.0.1:{silent.getsockname()[1]}/v1"))
        found = installation.examined("--timeout", "1").problem("hosts")
    assert "within 1 s" in found["finding"]


def test_a_key_that_the_provider_refuses(installation: Installation) -> None:
    """The case `invalid API key`: found by asking, with the secret's name and not its value."""
    wrong = "sk-a-key-that-was-revoked"
    with running(OpenAISimulator()) as upstream:
        installation.register(model(upstream.base_url))
        changed = replace(installation, settings={"OPENAI_SIMULATOR_KEY": wrong})
        asked, looked = changed.examined("--ask"), changed.examined()
    found = asked.of("answers", "problem")[0]
    assert "upstream_credentials" in found["finding"]
    assert "OPENAI_SIMULATOR_KEY" in found["todo"]
    free = looked.problem("keys")
    assert "refuses OPENAI_SIMULATOR_KEY (HTTP 401)" in free["finding"]
    assert "OPENAI_SIMULATOR_KEY" in free["todo"]


def test_a_provider_that_repeats_the_key(installation: Installation) -> None:
    """Its words are shown, without the secret that is in them."""
    said = json.dumps({"error": {"message": "no sk-simulator here", "code": "invalid_api_key"}})
    with running(OpenAISimulator()) as upstream:
        upstream.fail_next("status", status=401, body=said, path="/chat/completions", times=None)
        installation.register(model(upstream.base_url))
        found = installation.examined("--ask")
    assert "*****" in found.problem("answers")["finding"]
    assert "sk-simulator" not in found.text


def test_a_deployment_that_is_not_there(installation: Installation) -> None:
    """The provider's own 404: the document is compared with the provider's page."""
    with running(AzureOpenAISimulator()) as upstream:
        account = {"secret_name": "AZURE_SIMULATOR_KEY", "endpoint": upstream.url}
        gone = document("gone", "Azure", "AzureOpenAI", deployment_name="no-such", **account)
        installation.register(gone)
        found = installation.examined("--ask").problem("answers")
    assert "upstream_misconfigured" in found["finding"]
    assert "deployment_name" in found["todo"]


def test_an_answer_that_takes_too_long(installation: Installation) -> None:
    """The case `timeout`: what to do is said, and the check ends."""
    with running(OpenAISimulator()) as upstream:
        upstream.fail_next("hang_before_headers", path="/chat/completions", times=None)
        installation.register(model(upstream.base_url))
        found = installation.examined("--ask", "--timeout", "2").problem("answers")
    assert "no answer within 2 s" in found["finding"]
    assert "first_token_s" in found["todo"]


@pytest.mark.parametrize("up", [True, False])
def test_a_webhook(installation: Installation, *, up: bool) -> None:
    """Its host is looked at; nothing is posted to it."""
    with running(OpenAISimulator()) as hook:
        url = f"{hook.url}/alerts/with-a-token"
        if up:
            found = installation.examined(ALERT_WEBHOOK_URL=url)
            assert [each.path for each in hook.requests] == ["/"]
    if not up:
        found = installation.examined(ALERT_WEBHOOK_URL=url)
    level = "ok" if up else "problem"
    assert "ALERT_WEBHOOK_URL" in found.of("hosts", level)[0]["finding"]
    assert "with-a-token" not in found.text


def test_collectors_of_traces(installation: Installation) -> None:
    """What is told of traces has to be reached too; a connection string's key is not shown."""
    with running(OpenAISimulator()) as there, running(OpenAISimulator()) as azure:
        key = "00000000-1111-2222-3333-444444444444"
        string = f"InstrumentationKey={key};IngestionEndpoint={azure.url}/"
        found = installation.examined(
            OTEL_EXPORTER_OTLP_ENDPOINT=there.url, APPLICATIONINSIGHTS_CONNECTION_STRING=string
        )
    said = " ".join(row["finding"] for row in found.of("hosts", "ok"))
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in said
    assert "Application Insights" in said
    assert key not in found.text


def test_a_proxy(installation: Installation) -> None:
    """It is named without its password; what it does not let through is told of it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    installation.register(model("http://provider.test/v1"))
    found = installation.examined(HTTP_PROXY=f"http://me:hush-hush@127.0.0.1:{port}")
    assert f"127.0.0.1:{port}" in found.of("settings", "ok")[-1]["finding"]
    assert "through the proxy" in found.problem("hosts")["finding"]
    assert "hush-hush" not in found.text
