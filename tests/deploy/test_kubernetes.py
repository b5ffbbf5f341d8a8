"""The manifests: rendered by kubectl, against Kubernetes' schemas, and against one another."""

from typing import Any

import kubernetes_validate
import pytest

from tests.deploy import prometheus_rule
from tests.deploy.manifests import COMPONENTS, OVERLAYS, Rendered, rendered, with_component
from tests.deploy.settings import AFTER_S, KNOWN, bytes_of, end_s, spooled_bytes

VERSIONS = ("1.30", "1.33")
"""An old one that clouds still serve, and a newer one."""
CUSTOM = {"ExternalSecret", "HTTPRoute", "PrometheusRule", "SecretProviderClass", "ServiceMonitor"}
"""Kinds of operators, whose schemas are theirs; their fields are read below."""
EVERY = pytest.mark.parametrize("overlay", OVERLAYS)


@EVERY
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_knows_every_field(overlay: str, version: str) -> None:
    """Each object of each overlay fits the schema of its kind, with no field that is unknown."""
    found = [each for each in rendered(overlay).objects if each["kind"] not in CUSTOM]
    assert len(found) >= 7
    for each in found:
        kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_component_fits_production(component: str) -> None:
    """Each can be added by itself."""
    there = with_component(component)
    kinds = {each["kind"] for each in there.objects}
    assert {"StatefulSet", "HorizontalPodAutoscaler"} <= kinds
    for each in there.objects:
        if each["kind"] not in CUSTOM:
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)
        assert each["kind"] == "Namespace" or each["metadata"]["namespace"] == "llmproxy"


@EVERY
def test_a_pod_may_end_in_order(overlay: str) -> None:
    """It is killed no sooner than the gateway may take, and nothing sleeps before SIGTERM."""
    there = rendered(overlay)
    assert there.pod["terminationGracePeriodSeconds"] >= end_s(there.variables) + AFTER_S
    assert "lifecycle" not in there.container


@EVERY
def test_probes_ask_the_right_thing(overlay: str) -> None:
    """Traffic follows readiness; only a dead event loop restarts a container; a start may last."""
    container = rendered(overlay).container
    assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
    assert container["livenessProbe"]["httpGet"]["path"] == "/health/live"
    startup = container["startupProbe"]
    assert startup["httpGet"]["path"] == "/health/live"
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 60


@EVERY
def test_a_pod_is_restricted(overlay: str) -> None:
    """What the standard `restricted` of Pod Security asks, and a root that is read-only."""
    there = rendered(overlay)
    pod, container = there.pod["securityContext"], there.container["securityContext"]
    assert pod["runAsNonRoot"] is True
    assert pod["runAsUser"] == pod["runAsGroup"] == pod["fsGroup"] == 10001
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["readOnlyRootFilesystem"] is True
    assert container["allowPrivilegeEscalation"] is False
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert there.pod["automountServiceAccountToken"] is False
    (namespace,) = there.of("Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


@EVERY
def test_the_journal_outlives_the_pod(overlay: str) -> None:
    """The data folder is a disk that belongs to the pod's number, and is not deleted with it."""
    spec = rendered(overlay).statefulset["spec"]
    (claim,) = spec["volumeClaimTemplates"]
    mounts = {
        each["name"]: each["mountPath"] for each in rendered(overlay).container["volumeMounts"]
    }
    assert mounts[claim["metadata"]["name"]] == rendered(overlay).variables["LLMPROXY_DATA_DIR"]
    assert claim["spec"]["accessModes"] == ["ReadWriteOnce"]
    kept = spec["persistentVolumeClaimRetentionPolicy"]
    assert kept == {"whenDeleted": "Retain", "whenScaled": "Retain"}


@EVERY
def test_the_parts_fit_together(overlay: str) -> None:
    """Selectors find the pods, ports and volumes have the names that others use."""
    there = rendered(overlay)
    labels = there.template["metadata"]["labels"]
    selectors = [each["spec"]["selector"] for each in there.of("Service")]
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in there.of("NetworkPolicy")]
    for kind in ("StatefulSet", "PodDisruptionBudget"):
        selectors += [each["spec"]["selector"]["matchLabels"] for each in there.of(kind)]
    assert len(selectors) >= 4
    assert all(selector.items() <= labels.items() for selector in selectors)
    ports = {port["name"]: port["containerPort"] for port in there.container["ports"]}
    assert ports == {"http": int(there.variables.get("PORT", "8000"))}
    targets = {port["targetPort"] for each in there.of("Service") for port in each["spec"]["ports"]}
    assert targets == set(ports)
    assert there.statefulset["spec"]["serviceName"] in {
        each["metadata"]["name"] for each in there.of("Service")
    }
    volumes = {each["name"] for each in there.pod["volumes"]} | {"data"}
    assert {each["name"] for each in there.container["volumeMounts"]} == volumes


@EVERY
def test_settings_are_known_and_uploads_fit(overlay: str) -> None:
    """Each variable is one that the gateway reads; /tmp has room for what it may hold there."""
    there = rendered(overlay)
    assert set(there.variables) <= KNOWN
    (tmp,) = [each for each in there.pod["volumes"] if each["name"] == "tmp"]
    room = bytes_of(tmp["emptyDir"]["sizeLimit"])
    limits = there.container["resources"]["limits"]
    assert spooled_bytes(there.variables) < room < bytes_of(limits["ephemeral-storage"])


@EVERY
def test_no_secret_is_in_it(overlay: str) -> None:
    """Secrets are named, never written; files of them are not where tokens are mounted."""
    there = rendered(overlay)
    assert there.of("Secret") == []
    assert not {"LLMPROXY_ADMIN_KEY", "COSMOS_KEY", "REDIS_URL"} & set(there.variables)
    mounted = {each["mountPath"] for each in there.container["volumeMounts"]}
    assert there.variables["SECRETS_DIR"] in mounted
    assert not any(path.startswith(("/run", "/var/run")) for path in mounted)


@pytest.mark.parametrize("overlay", [each for each in OVERLAYS if each.startswith("production")])
def test_production_has_replicas_that_count_together(overlay: str) -> None:
    """Each knows of others; their number is the autoscaler's; nodes drain one by one."""
    there = rendered(overlay)
    assert there.variables["REPLICAS"] == "many"
    assert "replicas" not in there.statefulset["spec"]
    (scaler,) = there.of("HorizontalPodAutoscaler")
    assert scaler["spec"]["scaleTargetRef"]["kind"] == "StatefulSet"
    assert scaler["spec"]["minReplicas"] >= 3
    (budget,) = there.of("PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def test_development_is_one() -> None:
    """SQLite has one gateway, which a StatefulSet never doubles."""
    there = rendered("development")
    assert there.statefulset["spec"]["replicas"] == 1
    assert there.of("HorizontalPodAutoscaler") == []
    assert "COSMOS_URL" not in there.variables


@EVERY
def test_the_way_out_is_narrow(overlay: str) -> None:
    """DNS, 443 and Redis; the addresses that hand out a machine's credentials are closed."""
    policies = {
        each["metadata"]["name"]: each["spec"] for each in rendered(overlay).of("NetworkPolicy")
    }
    policy = policies["llmproxy"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    ports = {port["port"] for rule in policy["egress"] for port in rule["ports"]}
    assert ports == {53, 443, 6379, 6380, 10000}
    blocks = [
        peer["ipBlock"]
        for rule in policy["egress"]
        for peer in rule.get("to", ())
        if "ipBlock" in peer
    ]
    assert "169.254.0.0/16" in blocks[0]["except"]
    assert all("from" in rule for rule in policy["ingress"])


@EVERY
def test_an_image_has_a_version(overlay: str) -> None:
    """What is served can be named, and gone back to."""
    image = rendered(overlay).container["image"]
    assert image == "registry.example/llmproxy:0.1.0"


def test_aks_gets_its_secrets_from_the_vault() -> None:
    """What the driver writes is what the pod reads, and both classes are mounted."""
    there = rendered("production-aks")
    classes = {each["metadata"]["name"]: each["spec"] for each in there.of("SecretProviderClass")}
    csi = [each["csi"]["volumeAttributes"] for each in there.pod["volumes"] if "csi" in each]
    assert {each["secretProviderClass"] for each in csi} == set(classes)
    (written,) = classes["llmproxy-settings"]["secretObjects"]
    assert written["secretName"] == "llmproxy-settings"
    asked = classes["llmproxy-settings"]["parameters"]["objects"]
    assert all(f"objectName: {each['objectName']}\n" in asked for each in written["data"])
    assert {each["key"] for each in written["data"]} <= KNOWN
    assert there.template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert all("secret" not in each for each in there.pod["volumes"])


def test_gke_is_somebody_at_google() -> None:
    """The account is named, tokens can be fetched, and settings are merged into the same map."""
    there = rendered("production-gke")
    (account,) = there.of("ServiceAccount")
    assert "iam.gke.io/gcp-service-account" in account["metadata"]["annotations"]
    assert there.variables["GOOGLE_PROJECT_ID"]
    assert there.variables["COSMOS_URL"]
    names = {each["metadata"]["name"] for each in there.of("NetworkPolicy")}
    assert "llmproxy-metadata-server" in names
    opened = {
        (peer["ipBlock"]["cidr"], port["protocol"], port["port"])
        for each in there.of("NetworkPolicy")
        if each["metadata"]["name"] == "llmproxy-metadata-server"
        for rule in each["spec"]["egress"]
        for peer in rule["to"]
        for port in rule["ports"]
    }
    resolvers = ("169.254.20.10/32", "169.254.169.254/32")
    names_asked = {(cidr, kind, 53) for cidr in resolvers for kind in ("UDP", "TCP")}
    tokens = {("169.254.169.254/32", "TCP", 80), ("169.254.169.252/32", "TCP", 988)}
    assert opened == names_asked | tokens
    written = {each["spec"]["target"]["name"] for each in there.of("ExternalSecret")}
    assert written == {"llmproxy-settings", "llmproxy-provider-secrets"}


def test_every_pod_is_scraped_once() -> None:
    """Both Services have the pods; the monitor selects one of them, by a port that it has."""
    there = rendered("production-aks")
    (monitor,) = there.of("ServiceMonitor")
    (wanted,) = monitor["spec"]["selector"]["matchExpressions"]
    selected = [
        each for each in there.of("Service") if wanted["key"] in each["metadata"].get("labels", {})
    ]
    (service,) = selected
    assert service["metadata"]["labels"][monitor["spec"]["jobLabel"]] == "llmproxy"
    assert 'up{job="llmproxy"}' in prometheus_rule.ALERTS.read_text("utf-8")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
    assert endpoint["authorization"]["credentials"]["key"] == "LLMPROXY_ADMIN_KEY"


def test_ingress_and_nginx_say_the_same() -> None:
    """What nginx is told in Compose, the controller is told by annotations."""
    (ingress,) = rendered("production-aks").of("Ingress")
    told = {
        name.partition("/")[2]: value for name, value in ingress["metadata"]["annotations"].items()
    }
    assert _without_units(told) == NGINX_SAYS


NGINX_SAYS: dict[str, Any] = {
    "proxy-buffering": "off",
    "proxy-request-buffering": "off",
    "proxy-connect-timeout": "5",
    "proxy-read-timeout": "3660",
    "proxy-send-timeout": "3660",
    "proxy-body-size": "64m",
    "proxy-next-upstream": "error",
    "proxy-next-upstream-tries": "2",
}


def _without_units(told: dict[str, str]) -> dict[str, str]:
    configuration = Rendered.nginx()
    for name, value in told.items():
        directive = {"proxy-body-size": "client_max_body_size"}.get(name, name.replace("-", "_"))
        assert any(f"{directive} {value}{unit};" in configuration for unit in ("", "s")), (
            f"deploy/nginx/llmproxy.conf does not say {directive} {value}"
        )
    return told


def test_the_alerts_are_the_ones_of_observability() -> None:
    """The operator's rules are those that Prometheus' own tool has checked."""
    assert prometheus_rule.RULE.read_text("utf-8") == prometheus_rule.text()
    (rule,) = rendered("production-aks").of("PrometheusRule")
    assert rule["spec"]["groups"]
