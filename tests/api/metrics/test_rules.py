"""The rules and the dashboard of deploy/observability, in a real Prometheus."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from tests.api.asking import within
from tests.api.metrics.conftest import Observed
from tests.api.metrics.prometheus import OBSERVABILITY, promtool
from tests.api.metrics.test_exposition import PAGE, ROW

DASHBOARD = OBSERVABILITY / "grafana/llmproxy.json"
VARIABLES = {
    "$__rate_interval": "20s",
    "$__range": "1m",
    "$job": ".*",
    "$model": ".*",
    "$provider": ".*",
}
METRIC = re.compile(r"\b(?:llmproxy|process|python)_\w+")
SCRAPED_S = 10.0
"""Several scrapes, one a second."""
NOT_HERE = re.compile(r"llmproxy_(redis_|alerts_webhook|deployment_load_percent)")
"""What this gateway has nothing of: no Redis, no webhook, no provisioned deployment."""


def expressions() -> list[tuple[str, str]]:
    """All queries of the dashboard with the titles of their panels."""
    board = json.loads(DASHBOARD.read_text())
    found = [
        (panel["title"], target["expr"])
        for panel in board["panels"]
        for target in panel.get("targets", ())
    ]
    assert len(found) > 40
    return found


def filled(expression: str) -> str:
    """The query as Grafana would send it."""
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


def rules(observed: Observed) -> list[dict[str, Any]]:
    """What Prometheus has loaded."""
    groups = observed.prometheus.api("rules")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_the_rules_are_sound() -> None:
    """promtool finds no fault, neither in the rules nor in their tests' own syntax."""
    assert "SUCCESS" in promtool("check", "rules", "alerts.yml")


def test_each_rule_fires_and_does_not() -> None:
    """With series made for it, and with series of a gateway that is well."""
    assert "SUCCESS" in promtool("test", "rules", "alerts_test.yml")
    names = re.findall(r"alert: (\w+)", (OBSERVABILITY / "alerts.yml").read_text())
    tests = (OBSERVABILITY / "alerts_test.yml").read_text()
    assert len(names) == len(set(names)) > 15
    assert [name for name in names if f"{name} fires" not in tests] == []
    assert [name for name in names if f"{name} does not" not in tests] == []


def test_the_example_of_a_configuration(tmp_path: Path) -> None:
    """promtool takes it, with the key that it names."""
    for name in ("prometheus.yml", "alerts.yml"):
        shutil.copy(OBSERVABILITY / name, tmp_path)
    (tmp_path / "llmproxy-admin-key").write_text("sk-llmproxy-x\n")
    promtool("check", "config", "prometheus.yml", folder=tmp_path)


def test_every_rule_asks_for_what_is_there(observed: Observed) -> None:
    """Prometheus evaluates each; every metric that one names has series, and none is a mistake."""
    told = rules(observed)
    assert len(told) > 15
    for rule in told:
        assert rule["health"] == "ok", rule
        observed.prometheus.query(rule["query"])
        for name in set(METRIC.findall(rule["query"])):
            missing = not observed.prometheus.query(f"{name}{{job='llmproxy'}}")
            assert missing == bool(NOT_HERE.match(name)), f"{rule['name']}: {name}"


def test_each_rule_says_what_to_do(observed: Observed) -> None:
    """In words, without a link that may be gone."""
    for rule in rules(observed):
        words = rule["annotations"]
        assert set(words) == {"summary", "description"}
        assert len(words["description"].split()) > 8
        assert "://" not in words["summary"] + words["description"]
        assert rule["labels"]["severity"] in {"warning", "critical"}


def test_every_query_of_the_dashboard_has_data(observed: Observed) -> None:
    """None is empty after traffic of all kinds, but for what this gateway has nothing of."""

    def empty() -> list[tuple[str, str]]:
        return [
            (title, expression)
            for title, expression in expressions()
            if not observed.prometheus.query(filled(expression)) and not NOT_HERE.search(expression)
        ]

    # A rate is there once its series was scraped twice.
    within(SCRAPED_S, lambda: not empty())
    assert empty() == []


def test_every_name_is_in_the_page() -> None:
    """Whatever metric a rule, its words or the dashboard name has a row in docs/metrics.md."""
    page = {name for name, _, _ in ROW.findall(PAGE.read_text())}
    told = (OBSERVABILITY / "alerts.yml").read_text() + DASHBOARD.read_text()
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in METRIC.findall(told)}
    assert len(names) > 40
    assert sorted(names - page) == []


def test_the_dashboard_can_be_imported() -> None:
    """Its data source is a variable, its panels have ids of their own and do not overlap."""
    board = json.loads(DASHBOARD.read_text())
    variables = {each["name"]: each["type"] for each in board["templating"]["list"]}
    assert variables["datasource"] == "datasource"
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (place["x"] + right, place["y"] + down)
            for right in range(place["w"])
            for down in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(right for right, _ in cells) < 24
        taken |= cells
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
