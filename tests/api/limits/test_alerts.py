"""Shares of limits that are reached are told once: in the log, in the metrics, at the webhook."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests import exposition
from tests.api.asking import within
from tests.api.limits.restarts import again, ended
from tests.api.limits.stage import Stage, counted
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

LIMITS = {"requests_total": 5, "alert_at_percent": [50, 100]}
BUDGET = {"cost_per_month": 0.02, "alert_at_percent": [50, 100]}


class Hook(ThreadingHTTPServer):
    """Takes messages, but not at the first try."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.tries = 0
        self.taken: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Its address, which is a secret."""
        return f"http://127.0.0.1:{self.server_port}/hook/of-a-secret-name"


class _Taking(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Take a message."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.tries += 1
        if self.server.tries > 1:
            assert self.headers["content-type"] == "application/json"
            self.server.taken.append(json.loads(body))
        self.send_response(503 if self.server.tries == 1 else 204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is inherited
        """Write nothing."""


@contextmanager
def hooked() -> Iterator[Hook]:
    """A webhook that listens."""
    with Hook() as hook:
        thread = threading.Thread(target=hook.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield hook
        finally:
            hook.shutdown()
            thread.join()


def told_in_log(stage: Stage) -> list[str]:
    """What the log says of shares."""
    return re.findall(r"WARNING +llmproxy\.limits: (.* is reached: .*)", stage.gateway.log)


def metrics(stage: Stage) -> dict[str, float]:
    """The figures of alerts."""
    text = stage.admin.ask("GET", "/metrics").body.decode()
    return exposition.figures(text, "llmproxy_alerts_")


def chats(stage: Stage, calls: int) -> None:
    """So many calls of 0.004 USD."""
    for _ in range(calls):
        assert stage.chat("told", "counted", 4, 4).status == 200


def words(key_id: str, percent: int, requests: int, cost: str) -> list[str]:
    """What the log is to say of a share of both limits."""
    return [
        f"{percent} % of requests_total of the key '{key_id}' is reached: {requests} of 5",
        f"{percent} % of cost_per_month of the project 'told' is reached: {cost} USD of 0.02 USD",
    ]


def test_shares_are_told_once(tmp_path: Path) -> None:
    """Half of it before a crash, all of it after; and nothing twice."""
    with hooked() as hook, running(OpenAISimulator()) as upstream:
        settings = {"ALERT_WEBHOOK_URL": hook.url}
        documents = [counted("counted", upstream)]
        with ended("kill", tmp_path, upstream, documents, settings) as stage:
            stage.hand_out(told={"limits": LIMITS, "project_limits": BUDGET})
            key_id = stage.keys["told"].id
            _half(stage, hook, words(key_id, 50, 3, "0.012"))
        with again(stage, tmp_path, settings) as stage:
            chats(stage, 1)
            assert within(10, lambda: len(hook.taken) == 4)
            assert stage.chat("told", "counted", 4, 4).status == 429
            assert told_in_log(stage) == words(key_id, 100, 5, "0.02")
            figures = {"key_requests_total": 1, "project_cost_per_month": 1}
            assert figures.items() <= metrics(stage).items()
            assert hook.url not in stage.gateway.log
    _check(hook.taken, key_id)


def _half(stage: Stage, hook: Hook, expected: list[str]) -> None:
    """Reach half of both limits with the third call."""
    chats(stage, 2)
    assert told_in_log(stage) == []
    chats(stage, 1)
    assert within(10, lambda: len(hook.taken) == 2)
    assert told_in_log(stage) == expected
    counts = {"sent": 2, "failed": 0, "dropped": 0, "waiting": 0}
    figures = {f"webhook_{word}": count for word, count in counts.items()}
    figures |= {"key_requests_total": 1, "project_cost_per_month": 1}
    assert within(5, lambda: metrics(stage) == figures)
    chats(stage, 1)
    assert told_in_log(stage) == expected


def _check(taken: list[dict[str, Any]], key_id: str) -> None:
    month = datetime.now(UTC).strftime("%Y-%m-01T00:00:00Z")
    for each in taken:
        at = datetime.fromisoformat(each.pop("at"))
        assert abs((datetime.now(UTC) - at).total_seconds()) < 60
    requests = {
        "type": "limit.threshold",
        "scope": {"kind": "key", "name": key_id},
        "limit": "requests_total",
        "most": 5,
        "currency": None,
        "window_began": None,
    }
    cost = {
        "type": "limit.threshold",
        "scope": {"kind": "project", "name": "told"},
        "limit": "cost_per_month",
        "most": 0.02,
        "currency": "USD",
        "window_began": month,
    }
    assert taken == [
        requests | {"percent": 50, "used": 3},
        cost | {"percent": 50, "used": 0.012},
        requests | {"percent": 100, "used": 5},
        cost | {"percent": 100, "used": 0.02},
    ]
