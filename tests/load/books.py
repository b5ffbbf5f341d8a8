"""What the gateway says of the calls: its metrics, its ledger, and what a key may ask of itself."""

import csv
import io
import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from tests.api.asking import TIMEOUT_S, bearer
from tests.api.gateway import Gateway, run
from tests.load.tools import ToolError

COUNT = "llmproxy_request_duration_seconds_count{"
SETTLE_S = 15.0
_STEP_S = 0.5


@dataclass(frozen=True, slots=True)
class Difference:
    """One place that counted otherwise than the load."""

    place: str
    operation: str
    sent: int
    counted: int

    def __str__(self) -> str:
        return f"{self.place} has {self.counted} of {self.operation}, sent were {self.sent}"


def metrics(url: str, admin_key: str) -> str:
    """The exposition. Raises ToolError where it is refused."""
    return _asked(url, "/metrics", admin_key)


def counted(exposition: str) -> Counter[str]:
    """Settled calls by operation."""
    calls: Counter[str] = Counter()
    for line in exposition.splitlines():
        if line.startswith(COUNT):
            labels, _, value = line.rpartition(" ")
            calls[labels.partition('operation="')[2].partition('"')[0]] += int(float(value))
    return calls


def ledger(gateway: Gateway) -> Counter[str]:
    """Rows by operation, as `llmproxy usage` tells them from the data folder."""
    environment = dict(gateway.environment)
    said = run(environment, "usage", "--by", "operation", "--format", "csv")
    return Counter(
        {each["operation"]: int(each["requests"]) for each in csv.DictReader(io.StringIO(said))}
    )


def own(url: str, key: str) -> int:
    """How many calls of today the ledger has of this key. Raises ToolError where it is refused."""
    rows = json.loads(_asked(url, "/v1/usage", key))["day"]["data"]
    return sum(int(row["requests"]) for row in rows)


def _asked(url: str, path: str, key: str) -> str:
    request = Request(url + path, headers=bearer(key))  # noqa: S310 - the operator's own address
    try:
        # Directly, as the load itself goes, whatever proxies the shell names.
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as answer:
            said: bytes = answer.read()
    except HTTPError as error:
        words = error.read().decode(errors="replace")
        raise ToolError(f"{path} says {error.code}: {words}") from None
    except OSError as error:
        raise ToolError(f"{url} cannot be reached: {error}") from None
    return said.decode()


def differences(
    place: str, sent: Mapping[str, int], counted: Mapping[str, int], *, more: int = 0
) -> list[Difference]:
    """Where a place has fewer calls than were sent, or more by more than `more`.

    `more`: wrk forgets the calls that are open when it stops.
    """
    return [
        Difference(place, each, sent.get(each, 0), counted.get(each, 0))
        for each in sorted(set(sent) | set(counted))
        if not 0 <= counted.get(each, 0) - sent.get(each, 0) <= more
    ]


def once_agreed(
    place: str,
    sent: Mapping[str, int],
    read: Callable[[], Mapping[str, int]],
    *,
    more: int = 0,
) -> list[Difference]:
    """The differences that stay: what a call did is in the ledger about a second after its end."""
    until = time.monotonic() + SETTLE_S
    while True:
        found = differences(place, sent, read(), more=more)
        if not found or time.monotonic() > until:
            return found
        time.sleep(_STEP_S)
