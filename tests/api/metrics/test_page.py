"""docs/metrics.md: Prometheus without Docker, by the page's own commands."""

import shlex
import shutil
from pathlib import Path

from tests.api.asking import within
from tests.api.documented import blocks, shell
from tests.api.gateway import serving
from tests.api.metrics.prometheus import OBSERVABILITY, started
from tests.api.programs import needs
from tests.ports import free_port

PATIENCE_S = 30.0
KEY = "llmproxy-admin-key"


def test_prometheus_without_docker(tmp_path: Path) -> None:
    """The key is made, for its owner only; Prometheus finds it and the rules, and the key is good.

    At other ports than the page's, and asked more often.
    """
    needs(shutil.which("prometheus"), "prometheus (Debian's package of that name)")
    [block] = [each.text for each in blocks("docs/metrics.md") if "--config.file" in each.text]
    make_key, start = block.splitlines()
    folder = tmp_path / "deploy/observability"
    shutil.copytree(OBSERVABILITY, folder, ignore=shutil.ignore_patterns(KEY))
    address = f"127.0.0.1:{free_port()}"
    with serving(tmp_path) as gateway:
        text = (folder / "prometheus.yml").read_text()
        text = text.replace("127.0.0.1:8000", gateway.url.removeprefix("http://"))
        (folder / "prometheus.yml").write_text(text.replace("interval: 15s", "interval: 1s"))
        shell(make_key, gateway.environment, tmp_path)
        assert (folder / KEY).stat().st_mode & 0o077 == 0
        words = shlex.split(start.replace("127.0.0.1:9090", address))
        with started(words, tmp_path, address) as prometheus:
            up = 'count(up{job="llmproxy"} == 1)'
            assert within(PATIENCE_S, lambda: prometheus.value(up) == 1)
            assert prometheus.api("rules")["groups"]
            assert prometheus.value("llmproxy_workers") == 1
    assert (tmp_path / "prometheus-data").is_dir()
