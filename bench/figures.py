"""What the gateway itself says at /metrics, and the wait until its ledger has taken all calls.

The ledger is carried behind the calls, by threads of the gateway. What it costs belongs to the
calls that it is about: a measurement ends when nothing waits any more.
"""

import http.client
import time
from urllib.parse import urlsplit

WAITING = "llmproxy_ledger_waiting_lines"
_OK = 200
_FIRST_LOOK_S = 1.0
_LOOK_EVERY_S = 0.5
"""Each look costs the gateway a few milliseconds, which are counted too."""
_LIMIT_S = 120.0


class FiguresError(RuntimeError):
    """The figures could not be read, or are not what a measurement needs."""


def figures(url: str, admin_key: str) -> dict[str, float]:
    """Read the figures that have no labels. Raises FiguresError."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10.0)
    try:
        connection.request("GET", "/metrics", headers={"authorization": f"Bearer {admin_key}"})
        response = connection.getresponse()
        text = response.read().decode()
    except (OSError, http.client.HTTPException) as error:
        raise FiguresError(f"/metrics: {error!r}") from error
    finally:
        connection.close()
    if response.status != _OK:
        raise FiguresError(f"/metrics answered {response.status}: {text[:300]}")
    return dict(read(text))


def read(text: str) -> list[tuple[str, float]]:
    """List names and values of Prometheus' text format, without those that have labels."""
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return [(name, float(value)) for name, value in lines if "{" not in name]


def wait_for_ledger(url: str, admin_key: str) -> None:
    """Wait until every settled call is in the ledger. Raises FiguresError after a while."""
    limit = time.monotonic() + _LIMIT_S
    time.sleep(_FIRST_LOOK_S)
    while waiting := figures(url, admin_key).get(WAITING, 0.0):
        if time.monotonic() > limit:
            raise FiguresError(f"{waiting:.0f} calls still wait for the ledger")
        time.sleep(_LOOK_EVERY_S)
