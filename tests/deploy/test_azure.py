"""The files for Azure, against Microsoft's models and against the gateway."""

from copy import deepcopy
from typing import Any

import pytest
import yaml

from tests.deploy.azure_models import container_app_faults, container_group_faults
from tests.deploy.programs import ROOT
from tests.deploy.settings import AFTER_S, KNOWN, end_s, spooled_bytes

FOLDER = ROOT / "deploy/azure"
APP: dict[str, Any] = yaml.safe_load((FOLDER / "containerapp.yaml").read_text("utf-8"))
GROUP: dict[str, Any] = yaml.safe_load((FOLDER / "container-instance.yaml").read_text("utf-8"))
MOST_GRACE_S = 600
"""Taken to be the most that Container Apps gives; its documentation names the default only."""
SECRET = {"LLMPROXY_ADMIN_KEY", "REDIS_URL", "COSMOS_KEY"}
DISK_OF_ONE_CORE = 4 * 1024**3
"""Bytes; "Ephemeral storage", Use storage mounts in Azure Container Apps, learn.microsoft.com."""


def variables(environment: list[dict[str, str]]) -> dict[str, str]:
    """What is told in clear."""
    return {each["name"]: each["value"] for each in environment if "value" in each}


def app_container() -> dict[str, Any]:
    """The one container of the app."""
    (container,) = APP["properties"]["template"]["containers"]
    assert isinstance(container, dict)
    return container


def instance() -> dict[str, Any]:
    """The one container of the group."""
    (container,) = GROUP["properties"]["containers"]
    properties = container["properties"]
    assert isinstance(properties, dict)
    return properties


def test_the_app_has_fields_that_azure_knows() -> None:
    """Every field is one of Microsoft.App/containerApps, with a value of its type."""
    assert container_app_faults(APP) == []


def test_the_group_has_fields_that_azure_knows() -> None:
    """Every field is one of Microsoft.ContainerInstance/containerGroups."""
    group = {name: each for name, each in GROUP.items() if name != "apiVersion"}  # the CLI's own
    assert container_group_faults(group) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("terminationGracePeriod", 600),
        ("terminationGracePeriodSeconds", "600"),
        ("containers", {}),
        ("containers", [{"name": "x", "env": [{"value": "y"}], "resources": {"cpu": "1"}}]),
        ("volumes", [{"name": "data", "storageType": "Disk"}]),
    ],
)
def test_faults_are_found(name: str, value: object) -> None:
    """An unknown field, a text for a number, an object for a list, a word that is none."""
    app = deepcopy(APP)
    app["properties"]["template"][name] = value
    assert len(container_app_faults(app)) == 1


def test_faults_of_a_group_are_found() -> None:
    """As deep as a container's port."""
    group = deepcopy(GROUP)
    group["properties"]["containers"][0]["properties"]["ports"][0]["prt"] = 8000
    assert [each for each in container_group_faults(group) if "apiVersion" not in each] == [
        ".properties.containers.0.properties.ports.0.prt: is unknown"
    ]


def test_a_replica_may_end_in_order() -> None:
    """What Azure is asked for is enough for what the gateway is told to take."""
    grace = APP["properties"]["template"]["terminationGracePeriodSeconds"]
    assert end_s(variables(app_container()["env"])) + AFTER_S <= grace <= MOST_GRACE_S


def test_settings_are_known_and_secrets_are_none_of_them() -> None:
    """Each variable is the gateway's; what is secret comes by reference, or hidden."""
    for environment in (app_container()["env"], instance()["environmentVariables"]):
        assert {each["name"] for each in environment} <= KNOWN
        assert not SECRET & set(variables(environment))
        assert spooled_bytes(variables(environment)) < DISK_OF_ONE_CORE
    hidden = [each for each in instance()["environmentVariables"] if "secureValue" in each]
    assert all(each["secureValue"] == f"${{{each['name']}}}" for each in hidden)


def test_every_secret_is_in_the_vault() -> None:
    """The app's secrets are references of its own identity, and each that is used is there."""
    configuration = APP["properties"]["configuration"]
    named = {each["name"] for each in configuration["secrets"]}
    assert {each["secretRef"] for each in app_container()["env"] if "secretRef" in each} == named
    (identity,) = APP["identity"]["userAssignedIdentities"]
    for each in configuration["secrets"]:
        assert each["keyVaultUrl"].startswith("https://my-vault.vault.azure.net/secrets/")
        assert each["identity"] == identity
        assert "value" not in each


def test_replicas_count_together() -> None:
    """Several of them know of each other, and have Redis; the one instance does not need it."""
    assert variables(app_container()["env"])["REPLICAS"] == "many"
    assert "REDIS_URL" in {each["name"] for each in app_container()["env"]}
    assert APP["properties"]["template"]["scale"]["minReplicas"] >= 2
    assert "REPLICAS" not in variables(instance()["environmentVariables"])


def test_probes_ask_the_right_thing() -> None:
    """As in Kubernetes; the port is the image's."""
    asked = {each["type"]: each["httpGet"] for each in app_container()["probes"]}
    assert {kind: each["path"] for kind, each in asked.items()} == {
        "Startup": "/health/live",
        "Liveness": "/health/live",
        "Readiness": "/health/ready",
    }
    assert instance()["livenessProbe"]["httpGet"]["path"] == "/health/live"
    assert instance()["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    ports = {each["port"] for each in asked.values()}
    ports |= {each["port"] for each in GROUP["properties"]["ipAddress"]["ports"]}
    assert ports == {APP["properties"]["configuration"]["ingress"]["targetPort"]} == {8000}


def test_nobody_sends_a_key_in_clear() -> None:
    """TLS before the app; the instance has an address in its own network only."""
    assert APP["properties"]["configuration"]["ingress"]["allowInsecure"] is False
    assert GROUP["properties"]["ipAddress"]["type"] == "Private"
