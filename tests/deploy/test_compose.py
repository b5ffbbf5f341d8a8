"""docker-compose.yml, as Compose itself reads it, and what holds of every service in it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.programs import ROOT, program, ran
from tests.deploy.settings import AFTER_S, KNOWN, bytes_of, end_s, spooled_bytes

PROFILES = ("cosmos", "observability")
WRITTEN: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = WRITTEN["services"]
EVERY = pytest.mark.parametrize("name", SERVICES)
MADE = {"secrets"}
"""What is not in the repository: `deploy/prepare` makes it."""
COLLECTORS_BATCH = 8192
"""`send_batch_size` where it is not said ("Batch Processor", opentelemetry-collector). A maximum
below it is refused at the start."""
OF_THE_PROCESS = {"SSL_CERT_FILE", "LLMPROXY_ENV_FILE"}


def seconds(text: str) -> int:
    """A duration as it is written here."""
    assert text.endswith("s")
    return int(text[:-1])


def size_of_tmp(service: dict[str, Any]) -> int:
    """The bytes of its /tmp."""
    (tmp,) = service["tmpfs"]
    options = dict(each.split("=") for each in tmp.removeprefix("/tmp:").split(","))  # noqa: S108
    return bytes_of(options["size"])


@pytest.mark.parametrize("profiles", [(), *((each,) for each in PROFILES), PROFILES], ids=str)
def test_compose_takes_it(profiles: tuple[str, ...]) -> None:
    """Compose's own reading of the file, with each profile, names no fault."""
    compose = program("docker-compose", "the environment deploy")
    chosen = [word for each in profiles for word in ("--profile", each)]
    told = ran(compose, "-f", "docker-compose.yml", *chosen, "config", "--format", "json")
    services = json.loads(told)["services"]
    expected = {
        name
        for name, service in SERVICES.items()
        if not service.get("profiles") or set(service["profiles"]) & set(profiles)
    }
    assert set(services) == expected


@EVERY
def test_a_service_has_no_more_than_it_needs(name: str) -> None:
    """No capabilities, no new rights, a read-only root, bounds, logs that end, no whole machine."""
    service = SERVICES[name]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"]["max-size"]
    assert not {"privileged", "network_mode", "pid"} & set(service)
    assert not any("docker.sock" in volume for volume in service.get("volumes", ()))
    if name != "cosmos":  # Microsoft's emulator does as it likes; it is for trying
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


@EVERY
def test_an_image_has_a_tag_and_can_be_another(name: str) -> None:
    """No `latest` of somebody else, and a digest can be named."""
    image = SERVICES[name]["image"]
    assert image.startswith("${")
    default = image.partition(":-")[2].removesuffix("}")
    assert ":" in default
    assert name == "gateway" or not default.endswith(":latest")


@EVERY
def test_what_is_mounted_is_there(name: str) -> None:
    """Each file of this folder exists, or is made by deploy/prepare; each volume is declared."""
    for volume in SERVICES[name].get("volumes", ()):
        source, _, rest = volume.partition(":")
        if not source.startswith("./"):
            assert source in WRITTEN["volumes"]
            continue
        assert rest.endswith(":ro"), f"{volume} can be written"
        if Path(source).parts[0] not in MADE:
            assert (ROOT / source).exists(), source


def test_only_nginx_is_outside() -> None:
    """Clients come in over TLS; what is for operators is on this machine's loopback."""
    published = {name: each["ports"] for name, each in SERVICES.items() if "ports" in each}
    assert set(published) == {"nginx", "prometheus", "grafana"}
    assert published.pop("nginx") == ["${HTTPS_ADDRESS:-127.0.0.1:8443}:8443"]
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_redis_cannot_leave() -> None:
    """It is in the network without a way out, and nowhere else; nginx is not in there."""
    assert WRITTEN["networks"]["inside"]["internal"] is True
    assert SERVICES["redis"]["networks"] == ["inside"]
    assert SERVICES["nginx"]["networks"] == ["edge"]


def test_the_gateway_may_end_in_order() -> None:
    """It is killed no sooner than it may take, and so is nginx, which lets requests end first."""
    variables = SERVICES["gateway"]["environment"]
    for name in ("gateway", "nginx"):
        assert seconds(SERVICES[name]["stop_grace_period"]) >= end_s(variables) + AFTER_S
    assert SERVICES["nginx"]["stop_signal"] == "SIGQUIT"


def test_the_gateway_s_settings_are_known() -> None:
    """Each variable is one that the gateway reads, and uploads fit into its /tmp."""
    service = SERVICES["gateway"]
    assert set(service["environment"]) <= KNOWN | OF_THE_PROCESS
    assert spooled_bytes(service["environment"]) < size_of_tmp(service)
    memory = bytes_of(service["mem_limit"].partition(":-")[2].removesuffix("}"))
    assert size_of_tmp(service) <= memory // 4


def test_nginx_waits_for_a_gateway_that_is_ready() -> None:
    """Compose's check asks whether requests can be served, where the image's asks for life."""
    assert SERVICES["nginx"]["depends_on"] == {"gateway": {"condition": "service_healthy"}}
    assert "/health/ready" in SERVICES["gateway"]["healthcheck"]["test"][-1]


def test_no_secret_is_written_in_it() -> None:
    """Passwords are in files; the environment, which `docker inspect` shows, names the files."""
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if any(word in name for word in ("KEY", "PASSWORD", "TOKEN", "SECRET")):
                assert name == "CERT_SECRET" or value.startswith("/run/secrets/"), name


def test_prometheus_takes_its_file() -> None:
    """Its own tool reads the configuration, which names a file that only the container has."""
    promtool = program("promtool", "Debian's package prometheus")
    ran(promtool, "check", "config", "--syntax-only", "deploy/compose/prometheus.yml")
    (job,) = yaml.safe_load((ROOT / "deploy/compose/prometheus.yml").read_text())["scrape_configs"]
    assert 'up{job="llmproxy"}' in (ROOT / "deploy/observability/alerts.yml").read_text()
    assert job["job_name"] == "llmproxy"


def test_the_collector_takes_its_file() -> None:
    """What a pipeline names is defined, what is defined is named, and batches have one size."""
    written = yaml.safe_load((ROOT / "deploy/compose/otel-collector.yml").read_text("utf-8"))
    pipelines = written["service"]["pipelines"].values()
    for kind in ("receivers", "processors", "exporters"):
        assert {name for each in pipelines for name in each[kind]} == set(written[kind])
    batch = written["processors"]["batch"]
    assert batch["send_batch_max_size"] >= batch.get("send_batch_size", COLLECTORS_BATCH)
    limiter = written["processors"]["memory_limiter"]
    memory = bytes_of(SERVICES["otel-collector"]["mem_limit"])
    assert limiter["spike_limit_mib"] < limiter["limit_mib"] < memory >> 20


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """What is provisioned names the service of this file, and the folder that is mounted."""
    folder = ROOT / "deploy/observability/grafana/provisioning"
    (source,) = yaml.safe_load((folder / "datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"
    (provider,) = yaml.safe_load((folder / "dashboards/llmproxy.yml").read_text())["providers"]
    targets = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    assert any(target.startswith(f"{provider['options']['path']}/") for target in targets)
