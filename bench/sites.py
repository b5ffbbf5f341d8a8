"""The upstream and the gateways of a run: started, proven, stopped."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import certificates, checks, load, translated
from bench.gateway import ROOT, Gateway, Site, programs_environment
from bench.processes import NotStartedError, Started, start, stop
from bench.samples import DIRECT, PLAIN

_UPSTREAM_START_S = 10.0
_START_LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Addresses of the fake upstream, by transport, and who vouches for the one with TLS."""

    urls: dict[str, str]
    authority: Path

    def direct(self, transport: str) -> load.Target:
        """Name the way without a gateway."""
        authority = None if transport == PLAIN else self.authority
        return load.Target(f"{self.urls[transport]}/v1/chat/completions", "sk-none", authority)


def _nothing() -> None:
    """Nothing is done behind the answers."""


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway that answers, or the way without one."""

    name: str
    target: load.Target
    pid: int | None
    paced_target: load.Target | None = None
    """What the paced client asks, where that is not `target`."""
    settle: Callable[[], None] = _nothing
    """Waits until what it does behind the answers is done."""


@contextmanager
def upstreams(folder: Path, core: int) -> Iterator[Upstreams]:
    """Start the upstream and yield its addresses."""
    made = certificates.make(folder)
    log = folder / "upstream.log"
    started = start(
        [
            *(sys.executable, "-m", "bench.upstream"),
            *("--certificate", str(made.certificate), "--key", str(made.key)),
        ],
        core=core,
        log=log,
        environment=programs_environment() | {"PYTHONPATH": str(ROOT)},
    )
    try:
        limit = time.monotonic() + _UPSTREAM_START_S
        while not (said := log.read_text()).endswith("}\n"):
            if started.process.poll() is not None or time.monotonic() > limit:
                raise NotStartedError(f"the upstream: {started.log_end()}")
            time.sleep(0.02)
        ports = json.loads(said)
        urls = {
            "plain": f"http://127.0.0.1:{ports['plain']}",
            "tls": f"https://127.0.0.1:{ports['tls']}",
        }
        yield Upstreams(urls, made.authority)
    finally:
        stop(started)


class Stage:
    """One gateway in front of one upstream: prepared once, started as often as needed."""

    def __init__(self, gateway: Gateway, site: Site, core: int) -> None:
        self.gateway = gateway
        self.site = site
        self._core = core
        site.folder.mkdir()
        self.key = gateway.prepare(self.site)

    @contextmanager
    def running(self) -> Iterator[tuple[Running, float]]:
        """Start it; yield it with the seconds to its first 200. Raises NotStartedError."""
        started = self._start()
        try:
            seconds = checks.first_200(self.site.url, self.key, started, _START_LIMIT_S)
            target = load.Target(self.site.url, self.key)
            settle = partial(self.gateway.settle, self.site)
            yield Running(self.gateway.name, target, started.pid, settle=settle), seconds
        finally:
            stop(started)

    def _start(self) -> Started:
        return start(
            self.gateway.command(self.site),
            core=self._core,
            log=self.site.folder / "server.log",
            environment=self.gateway.environment(self.site),
        )

    def prove(self, running: Running) -> None:
        """Whether it answers as it must. Raises WrongAnswerError."""
        checks.check(
            running.target.url,
            running.target.key,
            same_bytes=self.gateway.same_bytes,
            knows_keys=self.gateway.knows_keys,
        )
        if self.site.translated:
            for model in translated.MODELS.values():
                checks.check_translated(running.target.url, running.target.key, model)


def direct(found: Upstreams, transport: str) -> Running:
    """Prove the way without a gateway."""
    target = found.direct(transport)
    checks.check(target.url, target.key, same_bytes=True, authority=target.authority)
    # The paced client and the upstream share a core: TLS on both sides would delay events more than
    # a gateway does, and flatter it. So its reference is the upstream without TLS.
    return Running(DIRECT, target, None, found.direct(PLAIN))
