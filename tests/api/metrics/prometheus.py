"""A real Prometheus (Debian's package) that scrapes a gateway every second, and its promtool."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.api.asking import ask, within
from tests.api.programs import needs
from tests.ports import free_port

OBSERVABILITY = Path(__file__).parents[3] / "deploy/observability"
START_S = 30.0
TOOL_S = 60.0
JOB = "llmproxy"


@dataclass(frozen=True, slots=True)
class Prometheus:
    """One that runs."""

    url: str

    def api(self, path: str, **query: str) -> Any:  # noqa: ANN401
        """What its HTTP API answers. Raises AssertionError when it refuses the question."""
        answer = ask(self.url, f"/api/v1/{path}?{urlencode(query)}")
        assert answer.status == 200, answer.body
        assert answer.json["status"] == "success"
        return answer.json["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series of an instant query, each with its labels and its value, at `last_success`."""
        data = self.api("query", query=expression, **self.last_success())
        assert data["resultType"] == "vector", expression
        return list(data["result"])

    def last_success(self) -> dict[str, str]:
        """The time of the last scrape that went well, for `query`; none before the first.

        One that fails ends all series, so that a question about now would find nothing.
        """
        found = self.api("query", query=f'up{{job="{JOB}"}}[2m]')["result"]
        times = [time for each in found for time, up in each["values"] if up == "1"]
        return {"time": str(max(times))} if times else {}

    def value(self, expression: str) -> float:
        """The only value; 0 where there is none."""
        found = self.query(expression)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else 0.0

    def by(self, label: str, expression: str) -> dict[str, float]:
        """Values by a label."""
        found = self.query(expression)
        return {each["metric"].get(label, ""): float(each["value"][1]) for each in found}


@contextmanager
def scraping(folder: Path, gateway_url: str, admin_key: str) -> Iterator[Prometheus]:
    """Run it as deploy/observability/prometheus.yml says, but every second."""
    needs(shutil.which("prometheus"), "prometheus (Debian's package of that name)")
    folder.mkdir()
    target = gateway_url.removeprefix("http://")
    written = (OBSERVABILITY / "prometheus.yml").read_text()
    changed = re.sub(r"interval: 15s", "interval: 1s", written)
    changed = changed.replace('"127.0.0.1:8000"', f'"{target}"')
    assert changed.count("interval: 1s") == 2
    assert target in changed
    (folder / "prometheus.yml").write_text(changed)
    (folder / "llmproxy-admin-key").write_text(f"{admin_key}\n")
    shutil.copy(OBSERVABILITY / "alerts.yml", folder)
    address = f"127.0.0.1:{free_port()}"
    words = [
        "prometheus",
        "--config.file=prometheus.yml",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={address}",
        "--log.level=warn",
    ]
    with started(words, folder, address) as prometheus:
        yield prometheus


@contextmanager
def started(words: Sequence[str], folder: Path, address: str) -> Iterator[Prometheus]:
    """Run this command in the folder, and wait until Prometheus answers at the address."""
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            words,
            cwd=folder,
            env={"PATH": os.environ["PATH"], "GOMAXPROCS": "1"},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://{address}"
        assert within(START_S, lambda: _ready(url)), (folder / "prometheus.log").read_text()
        yield Prometheus(url)
    finally:
        process.terminate()
        try:
            process.wait(TOOL_S)
        finally:
            process.kill()


def promtool(*arguments: str, folder: Path = OBSERVABILITY) -> str:
    """What promtool says. Raises AssertionError when it finds a fault."""
    needs(shutil.which("promtool"), "promtool (of Debian's package prometheus)")
    done = subprocess.run(
        ["promtool", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=TOOL_S,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def _ready(url: str) -> bool:
    try:
        return ask(url, "/-/ready").status == 200
    except OSError:
        return False
