"""Every way in which an identity is shown gets a token to the provider, and nothing else."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.api.credentials.stage import HELLO, NAME, staged
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.tokens.azure_identity import SYSTEM_ASSIGNED, USER_ASSIGNED
from tests.simulators.tokens.entra import CLIENT_ID, TENANT

COGNITIVE = "https://cognitiveservices.azure.com/.default"


def test_entra_with_a_client_secret(
    tmp_path: Path, entra: TokenSimulator, application: Mapping[str, str]
) -> None:
    """Chat, stream, responses and their recall carry the token; documents share one credential."""
    documents = ({}, {"api_version": "2024-10-21"}, {"client_id": CLIENT_ID})
    with staged(tmp_path, entra, application, *(("azure", each) for each in documents)) as stage:
        for number in range(3):
            assert stage.asked(f"azure-{number}").status == 200
        chunks = list(
            stage.client.chat.completions.create(model="azure-0", messages=HELLO, stream=True)
        )
        made = stage.client.responses.create(model="azure-0", input="Hello")
        again = stage.client.responses.retrieve(made.id)

        assert chunks[-1].choices[0].finish_reason == "stop"
        assert again.output_text == made.output_text
        assert set(stage.bearers()) == {"Bearer tok-1"}
        assert len(stage.bearers()) == 6
        assert stage.health() == {"ready": 1, "failing": 0, "reasons": {}}
        assert stage.metrics() == {"known": 1, "failing": 0, "expired": 0}
    assert [(each.kind, each.scope) for each in entra.tokens] == [("client_secret", COGNITIVE)]


def test_sessions_and_forms_carry_the_token_too(
    tmp_path: Path, entra: TokenSimulator, application: Mapping[str, str]
) -> None:
    """A realtime session, an upload, and speech."""
    names = ("voice", "scribe", "speaker")
    documents = (("azure", {"deployment_name": name, "model": name}) for name in names)
    with staged(tmp_path, entra, application, *documents) as stage:
        with stage.client.realtime.connect(model="azure-0") as connection:
            assert connection.recv().type == "session.created"
        sound = ("a.mp3", b"ID3" + bytes(range(256)))
        assert stage.client.audio.transcriptions.create(model="azure-1", file=sound).text
        speech = stage.client.audio.speech.create(model="azure-2", voice="alloy", input="Hello")
        assert speech.content
        assert stage.bearers() == ["Bearer tok-1"] * 3


def test_what_a_document_says_itself(
    tmp_path: Path, entra: TokenSimulator, application: Mapping[str, str]
) -> None:
    """Its own tenant, client, secret and scope, none of them in Azure's variables."""
    usual = {name: application[name] for name in ("AZURE_AUTHORITY_HOST", "SSL_CERT_FILE")}
    mine = {
        "auth": "azure_ad",
        "tenant_id": TENANT,
        "client_id": "MY_CLIENT",
        "client_secret_name": NAME,
        "scope": "https://ai.azure.com/.default",
    }
    settings = usual | {NAME: application["AZURE_CLIENT_SECRET"], "MY_CLIENT": CLIENT_ID}
    with staged(tmp_path, entra, settings, ("azure", mine)) as stage:
        assert stage.asked("azure-0").status == 200
        assert application["AZURE_CLIENT_SECRET"] not in stage.gateway.log
    assert [each.scope for each in entra.tokens] == ["https://ai.azure.com/.default"]


def test_entra_with_a_workloads_identity(
    tmp_path: Path, entra: TokenSimulator, application: Mapping[str, str]
) -> None:
    """The file of Kubernetes in place of the secret."""
    file = tmp_path / "token"
    file.write_text(entra.entra.federated_token())
    settings = {**application, "AZURE_CLIENT_SECRET": "", "AZURE_FEDERATED_TOKEN_FILE": str(file)}
    with staged(tmp_path, entra, settings, ("azure", {})) as stage:
        assert stage.asked("azure-0").status == 200
    assert [each.kind for each in entra.tokens] == ["client_assertion"]


@pytest.mark.parametrize(
    ("parameters", "subject"),
    [
        ({}, SYSTEM_ASSIGNED),
        ({"auth": "managed_identity"}, SYSTEM_ASSIGNED),
        ({"client_id": USER_ASSIGNED}, USER_ASSIGNED),
    ],
)
def test_a_managed_identity(
    tmp_path: Path, issuer: TokenSimulator, parameters: dict[str, str], subject: str
) -> None:
    """Of the system or of a user, with no secret at all."""
    settings = {"AZURE_POD_IDENTITY_AUTHORITY_HOST": issuer.url}
    with staged(tmp_path, issuer, settings, ("azure", parameters)) as stage:
        assert stage.asked("azure-0").status == 200
    assert {(each.subject, each.scope) for each in issuer.tokens} == {
        (subject, "https://cognitiveservices.azure.com")
    }


def test_google_with_a_service_account(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Its JSON in a variable with dashes, and in a file that the usual variable names."""
    info = json.dumps(issuer.service_account_info())
    file = tmp_path / "key.json"
    file.write_text(info)
    settings = {NAME: info, "GOOGLE_APPLICATION_CREDENTIALS": str(file)}
    named = {"secret_name": NAME}
    with staged(tmp_path, issuer, settings, ("vertex", named), ("vertex", {})) as stage:
        for number in range(2):
            assert stage.asked(f"vertex-{number}").status == 200
        assert stage.health()["ready"] == 2
        assert "PRIVATE KEY" not in stage.gateway.log
    assert len(issuer.tokens) == 2
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path != file]
    assert not any(b"PRIVATE KEY" in path.read_bytes() for path in kept)


@pytest.mark.parametrize("impersonate", [False, True])
def test_google_with_a_workloads_identity(
    tmp_path: Path,
    issuer: TokenSimulator,
    impersonate: bool,  # noqa: FBT001
) -> None:
    """Federation: the token of another cloud becomes one of Google's, or a service account's."""
    file = tmp_path / "token"
    file.write_text(issuer.google.subject_token())
    info = json.dumps(issuer.google.external_account_info(str(file), impersonate=impersonate))
    with staged(tmp_path, issuer, {NAME: info}, ("vertex", {"secret_name": NAME})) as stage:
        assert stage.asked("vertex-0").status == 200
        assert stage.bearers() == [f"Bearer {issuer.tokens[-1].token}"]
    kinds = [each.kind for each in issuer.tokens]
    assert kinds[0] == "federated"
    assert len(kinds) == (2 if impersonate else 1)


def test_google_with_what_the_machine_offers(tmp_path: Path, issuer: TokenSimulator) -> None:
    """The metadata server of Compute Engine, Cloud Run and GKE's workload identity."""
    host = issuer.metadata_host
    settings = {"GCE_METADATA_HOST": host, "GCE_METADATA_IP": host, "HOME": str(tmp_path)}
    with staged(tmp_path, issuer, settings, ("vertex", {})) as stage:
        answer = stage.client.chat.completions.create(model="vertex-0", messages=HELLO)
        assert answer.choices[0].message.content
        assert set(stage.bearers()) == {"Bearer tok-1"}


def test_documents_that_cannot_become_an_identity(tmp_path: Path, issuer: TokenSimulator) -> None:
    """Not ready, with the reason, and never another credential instead."""
    documents = (
        ("azure", {"auth": None}),
        ("azure", {"client_secret_name": NAME}),
        ("vertex", {"secret_name": "EXPRESS_KEY"}),
        ("vertex", {"secret_name": "NOWHERE"}),
    )
    settings = {"EXPRESS_KEY": "AIza-express", NAME: "s~1"}
    with staged(tmp_path, issuer, settings, *documents) as stage:
        codes = ("azure-0", "azure-1", "vertex-2", "vertex-3")
        reasons = stage.client.get("/../health/ready", cast_to=dict)["models"]["reasons"]
        failed = [stage.asked(code).status for code in codes]

        assert failed == [502] * 4
        assert stage.bearers() == []
        assert stage.health() == {}
    # `auth: null` and an endpoint that is not Azure's: no key is assumed, and no identity.
    assert '"auth": "entra"' in reasons["azure-0"]
    assert "parameters.tenant_id or AZURE_TENANT_ID" in reasons["azure-1"]
    assert "express mode" in reasons["vertex-2"]
    assert "NOWHERE is not set" in reasons["vertex-3"]
    assert issuer.tokens == []
