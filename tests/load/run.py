"""One run: a simulated provider and a gateway of its own, or a gateway that is there already."""

import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.api.gateway import Gateway, run, serving
from tests.api.traces import cpu_s, memory_bytes
from tests.load import asks, books, tools, upstream
from tests.load.books import Difference
from tests.load.tools import Order, Outcome
from tests.load.upstream import Upstream

ANY_NUMBER = 1 << 62
"""How many calls of others may be in the figures of a gateway that is not ours."""
ALL_CALLS = "all calls"
Read = Callable[[], Mapping[str, int]]
TOOLS = {"locust": tools.locust, "wrk": tools.wrk, "ab": tools.ab}


@dataclass(frozen=True, slots=True)
class Site:
    """Where the load goes. `admin_key` may be empty at a gateway that is not ours."""

    url: str
    key: str
    admin_key: str = ""
    gateway: Gateway | None = None
    upstream: Upstream | None = None


@dataclass(frozen=True, slots=True)
class Used:
    """What one process of this machine took while the load ran."""

    cpu_s: float
    resident_mb: float
    most_mb: float


@dataclass(frozen=True, slots=True)
class Result:
    """What one run found. `places` are the counts that were compared."""

    tool: str
    order: Order
    outcome: Outcome
    used: Used | None
    upstream_cpu_s: float
    places: Mapping[str, Mapping[str, int]]
    differences: Sequence[Difference]

    @property
    def calls(self) -> int:
        """How many calls were made."""
        return sum(row.calls for row in self.outcome.rows if not row.event)

    @property
    def good(self) -> bool:
        """Whether calls were made, went as they should, and every place has counted alike."""
        return bool(self.calls) and self.outcome.good and not self.differences


@contextmanager
def own_site(folder: Path, provider: Upstream) -> Iterator[Site]:
    """A gateway with a document for each kind, a key, and nothing else."""
    models = {
        upstream.CHAT: asks.model("CHAT"),
        upstream.EMBEDDINGS: asks.model("EMBEDDINGS"),
        upstream.SPEECH: asks.model("SPEECH"),
        upstream.TRANSCRIPTION: asks.model("TRANSCRIPTION"),
    }
    admin_key = secrets.token_hex(32)
    settings = {
        "LOAD_UPSTREAM_KEY": upstream.KEY,
        "LLMPROXY_ADMIN_KEY": admin_key,
        "LLMPROXY_DATA_DIR": str(folder / "data"),
    }
    with ExitStack() as stack:
        stack.enter_context(upstream.running(provider))
        home = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        key = run({**home, **settings}, "keys", "create", "--project", "load").strip()
        documents = upstream.documents(provider, models)
        gateway = stack.enter_context(serving(folder, documents, settings))
        yield Site(gateway.url, key, admin_key, gateway, provider)


def load(site: Site, order: Order, tool: str, folder: Path, options: Sequence[str] = ()) -> Result:
    """Drive the load, and compare what everybody has counted. Raises ToolError."""
    counted = _Counted(site)
    before = _at_work(site.gateway)
    began_s = time.process_time()
    outcome = TOOLS[tool](order, folder, options)
    upstream_cpu_s = time.process_time() - began_s
    used = _used(before, _at_work(site.gateway))
    sent = Counter[str]()
    for row in outcome.rows:
        if not row.event:
            sent[upstream.OPERATIONS[row.name]] += row.calls
    # What is open when wrk stops was sent, and it does not count it.
    open_calls = order.users if tool == "wrk" else 0
    found = counted.compare(sent, open_calls)
    return Result(tool, order, outcome, used, upstream_cpu_s, counted.places, found)


class _Counted:
    """What others have counted since it was made."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.places: dict[str, Mapping[str, int]] = {}
        self._metrics = self._of_metrics() if site.admin_key else Counter[str]()
        self._own = books.own(site.url, site.key) if site.gateway is None and site.key else 0

    def compare(self, sent: Mapping[str, int], open_calls: int) -> list[Difference]:
        """Where a place has counted otherwise than what was sent."""
        site = self._site
        self.places["sent"] = sent
        found = []
        if site.admin_key:
            more = open_calls if site.gateway else ANY_NUMBER
            found += self._agreed("/metrics", sent, self._metrics_since, more)
        if site.upstream is not None:
            found += self._agreed("the provider", sent, site.upstream.by_operation, open_calls)
        if site.gateway is not None:
            read = partial(books.ledger, site.gateway)
            found += self._agreed("the ledger", sent, read, open_calls)
        elif site.key:
            whole = {ALL_CALLS: sum(sent.values())}
            found += self._agreed("the key's usage", whole, self._own_since, open_calls)
        return found

    def _agreed(
        self, place: str, sent: Mapping[str, int], read: Read, more: int
    ) -> list[Difference]:
        def remembered() -> Mapping[str, int]:
            self.places[place] = found = read()
            return found

        return books.once_agreed(place, sent, remembered, more=more)

    def _of_metrics(self) -> Counter[str]:
        return books.counted(books.metrics(self._site.url, self._site.admin_key))

    def _metrics_since(self) -> Counter[str]:
        return self._of_metrics() - self._metrics

    def _own_since(self) -> Mapping[str, int]:
        return {ALL_CALLS: books.own(self._site.url, self._site.key) - self._own}


def _at_work(gateway: Gateway | None) -> Used | None:
    """What a gateway of this machine has used so far; None where that cannot be seen."""
    if gateway is None or not Path("/proc/self/stat").exists():
        return None
    process_id = gateway.process.pid
    megabyte = 1024 * 1024
    now, most = memory_bytes(process_id), memory_bytes(process_id, "VmHWM")
    return Used(cpu_s(process_id), now / megabyte, most / megabyte)


def _used(before: Used | None, after: Used | None) -> Used | None:
    if before is None or after is None:
        return None
    return Used(after.cpu_s - before.cpu_s, after.resident_mb, after.most_mb)
