"""What all parts do that keep gateways up and load them in turn."""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import TypeVar

from bench.checks import WrongAnswerError
from bench.figures import FiguresError
from bench.gateway import PreparationError, Site
from bench.load import LoadError, Slices
from bench.measuring import alternate, measure
from bench.plan import Plan
from bench.processes import NotStartedError, free_ports
from bench.progress import Progress
from bench.samples import PLAIN, Sample
from bench.sites import Running, Upstreams

FAILURES = (WrongAnswerError, NotStartedError, LoadError, PreparationError, FiguresError)
_SETTLE_S = 0.3
_Each = TypeVar("_Each")


class Rounds:
    """Collects samples. What fails is said, and the reason is kept."""

    def __init__(self, plan: Plan, found: Upstreams, folder: Path, progress: Progress) -> None:
        self._plan = plan
        self._found = found
        self._folder = folder
        self._progress = progress
        self.samples: list[Sample] = []
        self.failures: list[str] = []

    def _fail(self, what: str, error: Exception) -> None:
        self.failures.append(f"{what}: {error}")
        self._progress.say(f"FAILED {what}: {error}")

    def _site(self, name: str, transport: str = PLAIN, *, translated: bool = False) -> Site:
        """Choose where a gateway is to run: in the folder of this name."""
        port, spare_port = free_ports(2)
        upstream, authority = self._found.urls[transport], self._found.authority
        folder = self._folder / name
        return Site(folder, port, spare_port, upstream, authority, translated=translated)

    def _in_turn(self, order: Sequence[_Each], rounds: int) -> Iterator[tuple[int, _Each]]:
        """Yield each of them in every round, with the number of the round."""
        for turn in range(rounds):
            # Every second round backwards, so that a drift of the machine favours nobody.
            for each in order if turn % 2 == 0 else order[::-1]:
                yield turn, each

    def _measured(
        self, running: Running, kind: str, place: tuple[str, int], *, slow: bool = False
    ) -> Sample:
        """Load the gateway in one way, after a rest. `place` is the transport and the round."""
        time.sleep(_SETTLE_S)
        return measure(running, kind, place, self._plan, slow=slow)

    def _alternated(
        self, part: str, field: Sequence[Running], place: tuple[str, int], slices: Slices
    ) -> list[Sample]:
        """Load them in slices that take turns, after a rest; tell the medians, return the slices.

        `place` is the kind, and how often that was done before.
        """
        time.sleep(_SETTLE_S)
        kind, turn = place
        samples = list(alternate(field, kind, turn, self._plan, slices))
        told = []
        for each in field:
            of_it = [one.cpu_us_each for one in samples if one.gateway == each.name]
            told.append(f"{each.name} {median(of_it):.1f}")
        self._progress.step(f"{part} {turn + 1} {kind:<6} µs CPU: {', '.join(told)}")
        return samples

    def _keep(self, part: str, sample: Sample, of_it: str = "") -> None:
        """Keep a sample and tell it; `of_it` says more of its CPU."""
        self.samples.append(sample)
        what = f"{part} round {sample.round + 1} {sample.gateway:<12} {sample.kind:<6}"
        failed = f"{sample.failed} failed {sample.reason}".strip() if sample.failed else ""
        if failed:
            self.failures.append(f"{what}: {failed}")
        self._progress.step(
            f"{what} {sample.cpu_us_each:9.1f} µs CPU{of_it}  {sample.per_second:8.0f}/s"
            f"  busy {sample.busy:4.0%}  p50 {sample.p50_us / 1e3:8.3f} ms"
            f"  p99 {sample.p99_us / 1e3:8.3f} ms" + (f"  FAILED: {failed}" if failed else "")
        )
