"""The alerts of deploy/observability, as Prometheus' operator wants them.

Written by `.environments/deploy/bin/python -m tests.deploy.prometheus_rule`; a test compares.
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
ALERTS = ROOT / "deploy/observability/alerts.yml"
RULE = ROOT / "deploy/kubernetes/components/prometheus-operator/rules.yaml"
HEAD = """\
# The groups of deploy/observability/alerts.yml, and nothing else. Written by
#   .environments/deploy/bin/python -m tests.deploy.prometheus_rule
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: llmproxy
spec:
"""


def text() -> str:
    """What the file must hold: the alerts' own lines, comments and all, further to the right."""
    alerts = ALERTS.read_text("utf-8")
    lines = [f"  {line}" if line else line for line in alerts.splitlines()]
    made = HEAD + "\n".join(lines) + "\n"
    assert yaml.safe_load(made)["spec"] == yaml.safe_load(alerts)
    return made


if __name__ == "__main__":
    RULE.write_text(text(), "utf-8")
