"""Ours watched in four ways: not at all, as in production, and with some or all calls traced."""

from dataclasses import dataclass

from typing_extensions import override

from bench.gateway import ROOT, Site
from bench.observed_collector import Collector
from bench.ours import PYTHON, LLMProxy
from bench.samples import OBSERVED, TRACED_ALL, TRACED_SOME, UNOBSERVED

RATIOS = {TRACED_SOME: 0.05, TRACED_ALL: 1.0}
"""The share of its requests that each of them traces."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What a way does; the run is to prove it."""

    observed: bool
    """Whether requests are counted in the figures, and leave a line each."""
    followed: float = 0.0
    """The share of requests that are traced."""


class Unobserved(LLMProxy):
    """Ours without figures of requests, without lines (`bench/unobserved.py`) and traces."""

    name = UNOBSERVED
    title = "no metrics, no log"
    promise = Promise(observed=False)

    @property
    @override
    def launcher(self) -> list[str]:
        return [str(PYTHON), "-m", "bench.unobserved"]

    @override
    def environment(self, site: Site) -> dict[str, str]:
        quiet = {"PYTHONPATH": str(ROOT), "ACCESS_LOG": "off", "LOG_FORMAT": "json"}
        return super().environment(site) | quiet


class Observed(LLMProxy):
    """Ours as it runs in production: metrics, and a line of JSON for each request."""

    title = "metrics and log"
    promise = Promise(observed=True)

    def __init__(self, other_models: int, name: str = OBSERVED) -> None:
        super().__init__(other_models)
        self.name = name

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {"ACCESS_LOG": "on", "LOG_FORMAT": "json"}


def traced_title(ratio: float) -> str:
    """Say what a gateway does that traces this share of its requests."""
    share = "all" if ratio == 1 else f"{100 * ratio:g} %"
    return f"metrics, log, {share} traced"


class Traced(Observed):
    """The same, and this share of its requests is told to a collector."""

    def __init__(self, other_models: int, name: str, ratio: float, collector: Collector) -> None:
        super().__init__(other_models, name)
        self.promise = Promise(observed=True, followed=ratio)
        self.title = traced_title(ratio)
        self._collector = collector

    @override
    def environment(self, site: Site) -> dict[str, str]:
        return super().environment(site) | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": self._collector.url,
            "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": str(self.promise.followed),
        }

    @override
    def settle(self, site: Site) -> None:
        # First: each look at the gateway's own figures costs it something, and all get one.
        self._collector.wait_until_quiet()
        super().settle(site)
