"""docs/metrics.md has every metric that the gateway can tell, and no other."""

import re
from pathlib import Path

from llmproxy.infra.telemetry.prometheus import figures
from llmproxy.infra.telemetry.prometheus.families import COUNTED
from llmproxy.infra.telemetry.prometheus.family import Family, Kind
from scripts import metrics_page
from tests.architecture.tree import read

PAGE = read(Path("docs/metrics.md"))
EVERY: list[Family] = [*COUNTED, *figures.described()]
UNITS = ("_seconds", "_bytes", "_total", "_percent", "_share", "_info", "_count")


def test_the_page_is_up_to_date() -> None:
    """Whoever adds a metric runs `scripts/docs`."""
    assert metrics_page.page(PAGE) == PAGE


def test_every_metric_is_there() -> None:
    """Each has one row."""
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(each.name for each in EVERY)


def test_what_the_page_says_by_hand_names_metrics_that_are_there() -> None:
    """In the text, in the queries, in all other pages and in the rules and dashboard of deploy/."""
    names = {each.name for each in EVERY}
    for each in EVERY:
        if each.kind is Kind.HISTOGRAM:
            names |= {f"{each.name}_{part}" for part in ("bucket", "sum", "count")}
    pages = [*Path("docs").glob("*.md"), *Path("deploy/observability").rglob("*.*")]
    for page in (each for each in pages if each.is_file()):
        said = set(re.findall(r"\bllmproxy_\w*[a-z]\b(?!…)", read(page)))
        assert sorted(said - names - NOT_METRICS) == [], page


NOT_METRICS = {"llmproxy_registered_at"}  # a field of documents in Cosmos DB


def test_names_follow_the_conventions() -> None:
    """Counters end in `_total`, nothing else does; words say what is counted in one sentence."""
    for each in EVERY:
        assert (each.kind is Kind.COUNTER) == each.name.endswith("_total"), each.name
        assert each.kind is not Kind.HISTOGRAM or each.name.endswith("_seconds")
        assert not re.search(r"_(ms|kb|mb|s|ago)(_total)?$", each.name)
        assert each.text.endswith(".")
        assert "\n" not in each.text
        assert each.text[0].isupper() or each.text[0].isdigit(), each.name
    assert len({each.name for each in EVERY}) == len(EVERY)
