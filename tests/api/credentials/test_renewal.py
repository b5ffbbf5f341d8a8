"""Tokens are renewed before they end, requests do not wait, and what fails is visible."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import openai
import pytest

from tests.api.asking import within
from tests.api.credentials.stage import HELLO, NAME, Stage, staged
from tests.api.gateway import command, run
from tests.simulators.token_endpoints import TokenSimulator

SOON_S = 10.0
VERTEX = ("vertex", {"secret_name": NAME})


def _settings(issuer: TokenSimulator) -> dict[str, str]:
    return {NAME: json.dumps(issuer.service_account_info())}


def test_tokens_are_renewed_ahead_of_their_end(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Requests all the while: each shows a token that lives, none is late."""
    issuer.expires_in = 4
    with staged(tmp_path, issuer, _settings(issuer), VERTEX) as stage:
        assert stage.asked("vertex-0").status == 200
        until = time.monotonic() + 8
        longest_s = 0.0
        while time.monotonic() < until:
            began = time.monotonic()
            assert stage.asked("vertex-0").status == 200
            longest_s = max(longest_s, time.monotonic() - began)
            time.sleep(0.02)

        assert len(set(stage.bearers())) >= 3
        assert longest_s < 1
        assert stage.health() == {"ready": 1, "failing": 0, "reasons": {}}
    ends = [each.issued_at + each.expires_in for each in issuer.tokens]
    begins = [each.issued_at for each in issuer.tokens]
    assert all(begun < ended for begun, ended in zip(begins[1:], ends, strict=False))


def test_no_request_waits_for_a_slow_renewal(tmp_path: Path, issuer: TokenSimulator) -> None:
    """While the issuer takes its time, the old token is shown."""
    issuer.expires_in = 8
    with staged(tmp_path, issuer, _settings(issuer), VERTEX) as stage:
        assert stage.asked("vertex-0").status == 200
        issuer.fail_next(delay_ms=1500)
        assert within(SOON_S, lambda: len(issuer.token_requests) == 2)
        began = time.monotonic()
        assert stage.asked("vertex-0").status == 200
        assert time.monotonic() - began < 0.7
        assert set(stage.bearers()) == {"Bearer tok-1"}
        assert within(SOON_S, lambda: _is_shown(stage, "Bearer tok-2"))


def _is_shown(stage: Stage, bearer: str) -> bool:
    assert stage.asked("vertex-0").status == 200
    return stage.bearers()[-1] == bearer


def test_requests_without_a_token_share_the_fetch(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Those that come before the first token wait for it, and all are served."""
    issuer.fail_next(delay_ms=2000)
    with staged(tmp_path, issuer, _settings(issuer), VERTEX) as stage:
        statuses: list[int] = []
        threads = [
            threading.Thread(target=lambda: statuses.append(stage.asked("vertex-0").status))
            for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert statuses == [200] * 20
        assert len(issuer.token_requests) == 1


def test_a_failing_issuer_is_visible_and_overcome(
    tmp_path: Path, entra: TokenSimulator, application: Mapping[str, str]
) -> None:
    """In the answer, the health report, the metrics and the log; without the secret anywhere."""
    secret = entra.entra.client_secret
    entra.entra.client_secret = "another~secret"
    with staged(tmp_path, entra, application, ("azure", {})) as stage:
        assert within(SOON_S, lambda: stage.health().get("failing") == 1)
        failed = stage.asked("azure-0")
        assert failed.status == 502
        assert failed.headers["x-should-retry"] == "false"
        assert failed.error["code"] == "upstream_credentials"
        assert "AADSTS" not in failed.error["message"]
        assert stage.bearers() == []

        name, problem = next(iter(stage.health()["reasons"].items()))
        assert name.startswith(f"Entra ID, client {entra.entra.client_id}, secret AZURE_CLIENT_")
        assert "AADSTS7000215: Invalid client secret provided" in problem
        assert problem.endswith("; there is no token")
        assert stage.metrics() == {"known": 1, "failing": 1, "expired": 1}
        lines = [line for line in stage.gateway.log.splitlines() if "AADSTS" in line]
        assert all("llmproxy.credentials: Entra ID, client" in line for line in lines[:1])
        assert secret not in stage.gateway.log

        entra.entra.client_secret = secret
        assert within(70, lambda: stage.asked("azure-0").status == 200)
        assert stage.health() == {"ready": 1, "failing": 0, "reasons": {}}
        assert "is renewed again" in stage.gateway.log


def test_an_issuer_that_stops_while_the_token_lives(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Requests go on with it, the report warns; when it has ended they fail at once."""
    issuer.expires_in = 8
    with staged(tmp_path, issuer, _settings(issuer), VERTEX) as stage:
        assert stage.asked("vertex-0").status == 200
        issuer.fail_next("status", status=400, times=None)
        assert within(SOON_S, lambda: stage.health()["failing"] == 1)
        assert "its token is good for" in str(stage.health()["reasons"])
        assert stage.asked("vertex-0").status == 200
        assert stage.metrics() == {"known": 1, "failing": 1, "expired": 0}

        assert within(SOON_S, lambda: stage.metrics()["expired"] == 1)
        began = time.monotonic()
        assert stage.asked("vertex-0").error["code"] == "upstream_credentials"
        assert time.monotonic() - began < 5
        assert "its token has expired" in str(stage.health()["reasons"])


def test_a_refused_token_is_renewed_early(tmp_path: Path, issuer: TokenSimulator) -> None:
    """The request fails as ever; the next ones get another token. Streams are heard too."""
    settings = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": issuer.url}
    other = ("azure", {"scope": "https://ai.azure.com/.default"})
    with staged(tmp_path, issuer, settings, ("azure", {}), other) as stage:
        assert [stage.asked(f"azure-{number}").status for number in range(2)] == [200, 200]
        issuer.tokens.clear()  # revoked: no provider takes them any more
        assert stage.asked("azure-0").error["code"] == "upstream_credentials"
        with pytest.raises(openai.APIStatusError) as raised:
            stage.client.chat.completions.create(model="azure-1", messages=HELLO, stream=True)
        assert raised.value.code == "upstream_credentials"

        assert within(SOON_S, lambda: len(issuer.tokens) == 2)
        for number in range(2):
            assert within(SOON_S, lambda code=f"azure-{number}": stage.asked(code).status == 200)
        assert "refused the token of Entra ID" in stage.gateway.log


def test_a_credential_goes_with_its_last_document(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Nothing is renewed for models that are no more."""
    with staged(tmp_path, issuer, _settings(issuer), VERTEX, VERTEX) as stage:
        assert stage.asked("vertex-1").status == 200
        assert stage.metrics()["known"] == 1
        run(stage.gateway.environment, "models", "remove", "vertex-0")
        time.sleep(1.5)
        assert stage.metrics()["known"] == 1
        run(stage.gateway.environment, "models", "remove", "vertex-1")
        assert within(SOON_S, lambda: stage.metrics()["known"] == 0)
        assert stage.health() == {}


def test_models_check_uses_the_identity(tmp_path: Path, issuer: TokenSimulator) -> None:
    """As the server does; it waits for the first token."""
    settings = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": issuer.url}
    with staged(tmp_path, issuer, settings, ("azure", {})) as stage:
        said = run(stage.gateway.environment, "models", "check")
    assert "azure-0" in said
    assert "failed" not in said


@pytest.mark.parametrize("module", ["llmproxy.app", "llmproxy.infra.providers.catalogue"])
def test_a_gateway_without_such_models_does_not_pay(module: str) -> None:
    """Neither SDK is imported before a document needs it."""
    heavy = "{'azure', 'google', 'requests'}"
    words = f"import sys, {module}; print(*sorted({heavy} & {{*sys.modules}}))"
    python = Path(command()[0]).with_name("python")
    done = subprocess.run(
        [str(python) if python.exists() else sys.executable, "-c", words],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
