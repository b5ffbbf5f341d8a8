"""Several workers over one data folder: whichever is asked, it answers for all of them."""

import http.client
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests import exposition
from tests.api.asking import ask, within
from tests.api.gateway import Gateway, serving
from tests.api.metrics.prometheus import Prometheus, scraping
from tests.api.registry.workers import two_workers
from tests.exposition import Samples
from tests.ports import free_port

ADMIN_KEY = "sk-llmproxy-of-the-workers-0123456789abcdef"
ADMIN = {"authorization": f"Bearer {ADMIN_KEY}"}
HELLO = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}
REQUESTS = "llmproxy_requests_total"
BUILD = "llmproxy_build_info"
MISSING = "llmproxy_workers_missing"
CALLS = 40
PATIENCE_S = 30.0
SOON_S = 3.0
"""Well over what a worker waits for another one."""


def calls(url: str, count: int = CALLS) -> None:
    """Make so many, each on a connection of its own, so that all workers get some."""
    for _ in range(count):
        answer = ask(url, "/v1/chat/completions", method="POST", headers=ADMIN, body=HELLO)
        assert answer.status == 200


def told(url: str, query: str = "") -> Samples:
    """What whoever is reached tells."""
    answer = ask(url, f"/metrics{query}", headers=ADMIN)
    assert answer.status == 200, answer.body
    return exposition.read(answer.body.decode())


def whole(url: str) -> Samples:
    """The same of both workers: on a busy machine one may be too late for the other, and missing.

    Raises AssertionError when that goes on.
    """
    until = time.monotonic() + PATIENCE_S
    while exposition.value(samples := told(url), MISSING) == 1:
        assert time.monotonic() < until, "a worker is missing"
    return samples


def by_worker(samples: Samples, name: str = REQUESTS) -> Counter[str]:
    """A counter by worker."""
    found: Counter[str] = Counter()
    for (of, labels), value in samples.items():
        if of == name:
            found[dict(labels)["worker"]] += int(value)
    return found


def check(url: str) -> None:
    """Whoever is asked tells all calls, of both workers; `?worker=self` tells its own."""
    calls(url)
    assert within(PATIENCE_S, lambda: sum(by_worker(told(url)).values()) == CALLS)
    counts = by_worker(whole(url))
    assert set(counts) == {"0", "1"}
    assert min(counts.values()) > 0
    answered: set[str] = set()
    for _ in range(60):
        assert by_worker(whole(url)) == counts
        [own] = by_worker(told(url, "?worker=self")).items()
        assert counts[own[0]] == own[1]
        answered.add(own[0])
    assert answered == {"0", "1"}, "both workers were asked"


def test_under_uvicorn(tmp_path: Path) -> None:
    """`uvicorn --workers 2`: the counts of both add up to the calls that were made."""
    with two_workers(tmp_path, {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}) as server:
        check(server.url)
        samples = whole(server.url)
        assert exposition.value(samples, "llmproxy_workers") == 2
        assert exposition.value(samples, MISSING) == 0


@pytest.fixture(name="pair")
def _pair(tmp_path: Path) -> Iterator[tuple[Gateway, Gateway]]:
    """Start two servers at one port, over one data folder."""
    port = free_port()
    settings = {
        "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
        "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
        "PORT": str(port),
        "REUSE_PORT": "on",
    }
    with ExitStack() as stack:

        def start(name: str) -> Gateway:
            (tmp_path / name).mkdir()
            return stack.enter_context(serving(tmp_path / name, settings=settings))

        both = start("first"), start("second")
        # The second is ready as soon as the first answers in its place: it may not listen yet.
        own = "?worker=self"
        assert within(PATIENCE_S, lambda: "1" in by_worker(told(both[0].url, own), BUILD))
        yield both


def test_at_one_port(pair: tuple[Gateway, Gateway]) -> None:
    """Two `llmproxy serve` with REUSE_PORT=on."""
    check(pair[0].url)


def test_a_real_prometheus_adds_them_up(pair: tuple[Gateway, Gateway], tmp_path: Path) -> None:
    """One target: it scrapes now this worker, now that one, and no counter ever goes back."""
    url = pair[0].url
    with scraping(tmp_path / "prometheus", url, ADMIN_KEY) as prometheus:
        for _ in range(4):
            calls(url, CALLS // 4)
            time.sleep(1.0)  # for a scrape
        # Each in time: a scrape of a busy machine may find a worker missing.
        for expression, expected in (
            (f"sum({REQUESTS})", CALLS),
            (f"count(count by (worker) ({REQUESTS}))", 2),
            ("max(llmproxy_workers)", 2),
        ):
            assert within(PATIENCE_S, partial(_tells, prometheus, expression, expected)), expression
        assert prometheus.value(f"sum(resets({REQUESTS}[1m]))") == 0


def _tells(prometheus: Prometheus, expression: str, expected: float) -> bool:
    return prometheus.value(expression) == expected


def test_a_worker_that_hangs(pair: tuple[Gateway, Gateway]) -> None:
    """The other one tells what it knows within its time, and that one is missing."""
    url, hanging = pair[0].url, pair[1].process
    hanging.send_signal(signal.SIGSTOP)
    try:
        samples = _told_by_who_lives(url)
    finally:
        hanging.send_signal(signal.SIGCONT)
    assert exposition.value(samples, "llmproxy_workers") == 2
    assert exposition.value(samples, MISSING) == 1
    assert len(by_worker(samples, BUILD)) == 1
    assert within(PATIENCE_S, lambda: exposition.value(told(url), MISSING) == 0)


def _told_by_who_lives(url: str) -> Samples:
    """Ask until the worker that lives is reached: the kernel gives some to the one that hangs."""
    for _ in range(30):
        connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=SOON_S)
        try:
            connection.request("GET", "/metrics", headers=ADMIN)
            return exposition.read(connection.getresponse().read().decode())
        except TimeoutError:
            continue
        finally:
            connection.close()
    raise AssertionError("nobody has answered")


def test_another_value_is_refused(pair: tuple[Gateway, Gateway]) -> None:
    """Only `self` is known."""
    answer = ask(pair[0].url, "/metrics?worker=1", headers=ADMIN)
    assert answer.status == 400
    assert answer.error["param"] == "worker"
