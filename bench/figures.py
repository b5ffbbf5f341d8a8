"""What the gateway itself says at /metrics, and the wait until its ledger has taken all calls.

How many calls each deployment has answered is told by /admin/routing.

The ledger is carried behind the calls, by threads of the gateway. What it costs belongs to the
calls that it is about: a measurement ends when nothing waits any more.
"""

import http.client
import json
import re
import time
from typing import Any
from urllib.parse import urlencode, urlsplit

WAITING = "llmproxy_ledger_waiting_lines"
_WORKER = re.compile(r'\{worker="[^"]*",?(.*)\}')
_MANY = re.compile(r'\{le=|",')
_OK = 200
_FIRST_LOOK_S = 1.0
_LOOK_EVERY_S = 0.5
"""Each look costs the gateway a few milliseconds, which are counted too."""
_LIMIT_S = 120.0


class FiguresError(RuntimeError):
    """The figures could not be read, or are not what a measurement needs."""


def figures(url: str, admin_key: str) -> dict[str, float]:
    """Read the figures that have no labels but their worker's. Raises FiguresError."""
    return dict(read(_got(url, admin_key, "/metrics")))


def exposition(url: str, admin_key: str) -> str:
    """Read all figures as they are told, for `total`. Raises FiguresError."""
    return _got(url, admin_key, "/metrics")


def total(text: str, name: str, label: str = "") -> float:
    """Add up the series of a metric: all, or those with a label such as `route="/v1/models"`."""
    found = [line.rpartition(" ") for line in text.splitlines() if line.startswith(f"{name}{{")]
    return sum(float(value) for labels, _, value in found if label in labels)


def deployments(url: str, admin_key: str, model: str) -> dict[str, dict[str, Any]]:
    """Return the rows of /admin/routing about a model, by the ids of its documents.

    Raises FiguresError.
    """
    query = urlencode({"name": model, "limit": 100})
    rows = json.loads(_got(url, admin_key, f"/admin/routing?{query}"))["data"]
    return {row["deployment"]: row for row in rows}


def _got(url: str, admin_key: str, path: str) -> str:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10.0)
    try:
        connection.request("GET", path, headers={"authorization": f"Bearer {admin_key}"})
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise FiguresError(f"{path}: {error!r}") from error
    finally:
        connection.close()
    if response.status != _OK:
        raise FiguresError(f"{path} answered {response.status}: {text[:300]}")
    return text


def read(text: str) -> list[tuple[str, float]]:
    """List names and values of Prometheus' text format, without buckets and what has many labels.

    The label `worker` is taken away; one other stays, as in `name{result="hit"}`.
    """
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    named = [(_WORKER.sub(_rest, name), value) for name, _, value in lines]
    return [(name, float(value)) for name, value in named if not _MANY.search(name)]


def _rest(labels: re.Match[str]) -> str:
    return f"{{{labels[1]}}}" if labels[1] else ""


def wait_for_ledger(url: str, admin_key: str) -> None:
    """Wait until every settled call is in the ledger. Raises FiguresError after a while."""
    limit = time.monotonic() + _LIMIT_S
    time.sleep(_FIRST_LOOK_S)
    while waiting := figures(url, admin_key).get(WAITING, 0.0):
        if time.monotonic() > limit:
            raise FiguresError(f"{waiting:.0f} calls still wait for the ledger")
        time.sleep(_LOOK_EVERY_S)
