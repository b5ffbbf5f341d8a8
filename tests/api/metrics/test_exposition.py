"""The text of /metrics, read by Prometheus' own parser in Python, and beside docs/metrics.md."""

import re
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests import exposition
from tests.api.asking import ask
from tests.api.metrics.conftest import Observed
from tests.api.metrics.traffic import admin

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+)[^|]*\| [^|]*\| ([^|]*) \|", re.MULTILINE)
SHARED = {"llmproxy_workers", "llmproxy_workers_missing"}


@pytest.fixture(name="text")
def _text(observed: Observed) -> str:
    answer = ask(observed.stage.gateway.url, "/metrics", headers=admin())
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.body.decode()


def test_a_real_parser_reads_it(text: str) -> None:
    """Every family has its type and its words; every sample is read by our own reader alike."""
    families = list(text_string_to_metric_families(text))
    assert len(families) > 80
    names = [each.name for each in families]
    assert len(names) == len(set(names))
    for each in families:
        assert each.documentation, each.name
        assert each.type in {"counter", "gauge", "histogram"}, each.name
    read = {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for each in families
        for sample in each.samples
    }
    ours = exposition.read(text)
    assert read == {(name, frozenset(labels)): value for (name, labels), value in ours.items()}


def test_every_sample_says_whose_it_is(text: str) -> None:
    """The worker is a label of all but of what is about all workers."""
    without = {name for name, labels in exposition.read(text) if "worker" not in dict(labels)}
    assert without == SHARED


def test_the_page_has_every_metric(text: str) -> None:
    """What a server tells is in docs/metrics.md, with the same type and the same labels."""
    rows = ROW.findall(PAGE.read_text())
    page = {name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert page[name][0] == kind, name
    for name, labels in exposition.read(text):
        family = name if name in page else re.sub(r"_(bucket|sum|count)$", "", name)
        assert {label for label, _ in labels} - {"worker", "le"} == page[family][1], name


def test_nothing_is_undescribed(text: str) -> None:
    """Whatever a part reports is in the table of `prometheus/figures.py`."""
    assert "Not described." not in text
