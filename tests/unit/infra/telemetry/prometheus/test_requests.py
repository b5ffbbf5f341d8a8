"""Requests are counted by route, method and status, and a stranger cannot add to the labels."""

from types import SimpleNamespace

from llmproxy.infra.telemetry.prometheus.requests import Counted
from tests.exposition import Samples, read, value

CHAT = "/v1/chat/completions"
REALTIME = "/v1/realtime"
NAME = "llmproxy_http_requests_total"


class Log:
    """A log that counts its lines."""

    def __init__(self) -> None:
        self.lines = 0

    def write(self, visit: object, duration_s: float) -> None:
        """Note one."""
        del visit, duration_s
        self.lines += 1


def counted(log: Log, *requests: tuple[str, str, int]) -> Samples:
    """What is counted of these requests."""
    counts = Counted(log, ({CHAT: 1}, {REALTIME: 1}), {"/v1/responses/": 1})
    for path, method, status in requests:
        counts.write(SimpleNamespace(scope={"path": path, "method": method}, status=status), 0.1)
    [(family, samples)] = counts.blocks("0")
    return read("\n".join([family.head, *samples]) + "\n")


def test_requests_that_are_served_and_refused() -> None:
    """Each status has its series, and each request its line in the log."""
    log = Log()
    found = counted(log, *[(CHAT, "POST", status) for status in (200, 200, 401, 413, 429)])
    assert value(found, NAME, route=CHAT, method="POST", status="200") == 2
    assert value(found, NAME, route=CHAT, status="413") == 1
    assert value(found, NAME) == log.lines == 5


def test_paths_with_ids() -> None:
    """An id is no label, nor is a name behind a path of the control plane."""
    ids = [(f"/v1/responses/resp_{number}", "GET", 200) for number in range(9)]
    found = counted(
        Log(), *ids, ("/v1/models/mini", "GET", 200), ("/admin/keys/key_1", "DELETE", 204)
    )
    assert value(found, NAME, route="/v1/responses/{id}") == 9
    assert value(found, NAME, route="/v1/models") == 1
    assert value(found, NAME, route="/admin", method="DELETE", status="204") == 1
    assert len(found) == 3


def test_whatever_a_stranger_asks_for() -> None:
    """Unknown paths and methods are one series each."""
    found = counted(
        Log(),
        *[(f"/{number}", "GET", 404) for number in range(100)],
        *[(CHAT, f"M{number}", 405) for number in range(100)],
        ("/administration", "GET", 404),
        (REALTIME, "GET", 101),
    )
    assert value(found, NAME, route="other", method="GET", status="404") == 101
    assert value(found, NAME, route=CHAT, method="other", status="405") == 100
    assert value(found, NAME, route=REALTIME, status="101") == 1
    assert len(found) == 3
