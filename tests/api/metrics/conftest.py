"""A gateway after mixed traffic, and a Prometheus that has scraped it since its start."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.api.asking import within
from tests.api.metrics.prometheus import Prometheus, scraping
from tests.api.metrics.traffic import drive, staged
from tests.api.routing.stage import ADMIN_KEY, Stage
from tests.api.traces import opened, settled

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Observed:
    """All calls have ended, are in the ledger, and have been scraped."""

    stage: Stage
    prometheus: Prometheus
    refused: int
    """By a limit."""


@pytest.fixture(scope="package", name="observed")
def _observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("metrics")
    with (
        staged(folder) as stage,
        scraping(folder / "prometheus", stage.gateway.url, ADMIN_KEY) as prometheus,
    ):
        assert within(PATIENCE_S, lambda: prometheus.value("sum(llmproxy_workers)") == 1)
        refused = drive(stage)
        assert within(PATIENCE_S, lambda: _at_rest(stage))
        calls = len(settled(stage.gateway))
        assert len(stage.rows(calls)) == calls
        done = 'sum(llmproxy_ledger_carried_total) + 0 * count(up{job="llmproxy"})'
        assert within(PATIENCE_S, lambda: prometheus.value(done) == calls)
        yield Observed(stage, prometheus, refused)
        stage.gateway.check()


def _at_rest(stage: Stage) -> bool:
    """Whether nothing is under way. What was kept is only settled, never admitted by a line."""
    kept = [line for line in settled(stage.gateway) if line["outcome"] == "cached"]
    return len(opened(stage.gateway)) == len(settled(stage.gateway)) - len(kept)
