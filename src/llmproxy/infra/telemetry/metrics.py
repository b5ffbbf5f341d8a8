"""One worker's figures in Prometheus' text format, put together when somebody asks.

Labels are bounded: models are those registered, operations and outcomes are enumerations, codes a
fixed set; and beyond a number of lines all that is new is counted under `other`.
"""

from collections.abc import Awaitable, Callable, Iterator
from platform import python_version

from llmproxy import __version__
from llmproxy.infra.telemetry.prometheus import families
from llmproxy.infra.telemetry.prometheus.calls import CallMeter
from llmproxy.infra.telemetry.prometheus.exposition import Block, written
from llmproxy.infra.telemetry.prometheus.family import labelled
from llmproxy.infra.telemetry.prometheus.reports import Gauges, GaugesOfEach, Reports
from llmproxy.infra.telemetry.prometheus.series import sample

Source = Callable[[str], Iterator[Block]]
"""Yields families with their samples, labelled with this worker."""


class Metrics:
    """`calls` is what settled calls are told; `gauge` adds what is read only when it is asked for.

    `worker` is the value of the label that every sample has.
    """

    def __init__(self, provider_of: Callable[[str], str | None] = lambda _: None) -> None:
        self.worker = "0"
        self.together: Callable[[], Awaitable[str]] = self.text
        """What returns the figures of all workers; of this one, until there is a way to others."""
        self.calls = CallMeter(provider_of)
        self._reports = Reports()
        self._sources: list[Source] = [self.calls.blocks, _build]

    def gauge(self, prefix: str, read: Gauges) -> None:
        """Report each figure of `read()`; `prometheus/figures.py` says as which metric."""
        self._reports.plain[prefix] = read

    def gauge_of_each(self, kind: str, read: GaugesOfEach) -> None:
        """Report each figure of `read()` with the label `kind`."""
        self._reports.of_each[kind] = read

    def add(self, source: Source) -> None:
        """Report what this yields too."""
        self._sources.append(source)

    async def text(self) -> str:
        """Return the exposition of this worker, ending in a line feed."""
        return await written(self._blocks())

    def _blocks(self) -> Iterator[Block]:
        for source in (*self._sources, self._reports.blocks):
            yield from source(self.worker)


def _build(worker: str) -> Iterator[Block]:
    labels = labelled(families.BUILD.labels, (__version__, python_version()))
    yield families.BUILD, iter((sample(families.BUILD.name, worker, labels, "1"),))
