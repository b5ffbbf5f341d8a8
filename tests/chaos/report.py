"""A run in words: what was done, what was found, and what is wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.books import Books
from tests.chaos.client import Ending
from tests.chaos.load import Tally
from tests.chaos.provider import Provider
from tests.chaos.watching import Rest, Watch
from tests.chaos.weather import AFTER_CONTENT, HANDOVER_S, Mode

HIDDEN_AT_LEAST = 0.9999
MAX_SLOPE_MB_PER_MIN = 0.5
"""At 300 calls a second that is less than 30 bytes for each call."""
SPARE_FILES = 10
"""Files that a server may hold beyond what it held at first: the journal's next, the store's."""

SPARE_TASKS = 10
"""Tasks of a moment: the request that asks for the figures, a round of the carrier."""


@dataclass(slots=True)
class Run:
    """All that is known of a run."""

    seed: int
    rate: float
    seconds: float
    tally: Tally
    books: Books
    watch: Watch
    before: Rest
    after: Rest
    providers: tuple[Provider, ...]
    changes: int
    cpu_s: tuple[float, float]
    """Of the server, and of this process: the load and the providers."""

    @property
    def hidden_share(self) -> float:
        """Of calls with a failure before the first content, the share whose clients saw none."""
        told = self.tally.endings[Ending.TOLD]
        suffered = self.books.hidden + told
        return 1.0 if suffered == 0 else self.books.hidden / suffered

    def faults(self) -> list[str]:
        """What is wrong; nothing in a good run."""
        return [*self._faults_of_calls(), *self._leaks()]

    def _faults_of_calls(self) -> Iterator[str]:
        tally, books = self.tally, self.books
        if self.hidden_share < HIDDEN_AT_LEAST:
            yield f"{self.hidden_share:.4%} of failures before the first content were hidden"
        for ending in (Ending.SILENT, Ending.NO_ANSWER):
            if tally.endings[ending]:
                yield f"{tally.endings[ending]} calls: {ending}"
        if tally.not_raised:
            yield f"the SDK does not raise on {tally.not_raised} streams that broke"
        if books.rows != tally.calls or books.wrongs:
            yield f"{tally.calls} calls, {books.rows} rows, {books.wrongs} disagreements"

    def _leaks(self) -> Iterator[str]:
        before, after = self.before, self.after
        if after.in_flight or after.active:
            yield f"{after.in_flight:g} calls and {after.active:g} connections are still at work"
        files = after.files - after.connections - (before.files - before.connections)
        if files > SPARE_FILES:
            yield f"{files:g} more files are open than before the load"
        tasks = after.tasks - before.tasks
        if tasks > SPARE_TASKS:
            yield f"{tasks:g} more tasks run than before the load"
        slope = self.watch.slope_mb_per_min()
        if slope is not None and slope > MAX_SLOPE_MB_PER_MIN:
            yield f"memory grows by {slope:.2f} MB a minute"


def markdown(run: Run) -> str:
    """Return the report."""
    faults = run.faults()
    verdict = "All held." if not faults else "**Not all held.**"
    lines = [
        "# Chaos",
        "",
        f"A run of `scripts/chaos`: {run.seconds:.0f} s at {run.rate:g} calls per second, half of",
        f"them streamed, seed {run.seed}. {verdict}",
        "",
        *(f"- {fault}" for fault in faults),
        *([""] if faults else []),
        "Three deployments of one model and a fallback, each a provider of its own, whose faults",
        f"changed {run.changes} times. At every moment one of the three deployments was healthy,",
        f"and had been for {HANDOVER_S:g} s.",
        "",
        *_table(_findings(run)),
        "",
        "## What the providers did",
        "",
        *_table({"answer": "requests", **_deeds(run)}),
        "",
        "## What attempts failed of, by the ledger",
        "",
        *_table({"code": "attempts", **_sorted(run.books.attempts)}),
    ]
    examples = [
        f"{words}; {run.books.stories.get(number, 'no row tells of attempts')}"
        for number, words in run.tally.examples.items()
    ]
    for title, items in (
        ("Failures that clients saw", examples),
        ("Where the ledger disagrees", run.books.wrong),
    ):
        if items:
            lines += ["", f"## {title}", "", *(f"- {item}" for item in items)]
    return "\n".join(lines) + "\n"


def _findings(run: Run) -> dict[str, Any]:
    tally, books, watch = run.tally, run.books, run.watch
    endings = tally.endings
    slope = watch.slope_mb_per_min()
    warm = watch.warm()
    was_warm = (
        f"{warm[0].resident_mb:.0f} MB after {warm[0].at_s:.0f} s" if warm else "too short a run"
    )
    return {
        "what": "found",
        "calls": f"{tally.calls:,}",
        "answered whole": f"{endings[Ending.ANSWERED]:,}",
        "failures before the first content, hidden": f"{books.hidden:,}",
        "failures before the first content, seen": f"{endings[Ending.TOLD]:,}",
        "hidden": f"{run.hidden_share:.4%} (at least {HIDDEN_AT_LEAST:.2%})",
        "failures after it, raised": f"{endings[Ending.RAISED]:,}",
        "of these streams, given to the SDK": f"{tally.shown_to_the_sdk:,}",
        "it did not raise": tally.not_raised,
        "calls by the SDK itself": f"{sum(tally.by_the_sdk.values()):,}",
        "cut without a word, or no answer": endings[Ending.SILENT] + endings[Ending.NO_ANSWER],
        "rows in the ledger": f"{books.rows:,}",
        "disagreements of calls, requests and rows": books.wrongs,
        "slowest call": f"{tally.slowest_s:.2f} s",
        "memory, at the beginning": f"{watch.samples[0].resident_mb:.0f} MB",
        "memory, warm": was_warm,
        "memory, at the end": f"{watch.samples[-1].resident_mb:.0f} MB",
        "its slope from there": "too short a run" if slope is None else f"{slope:+.3f} MB/min",
        "open files: before, most, after": f"{run.before.files}, "
        f"{max(each.files for each in watch.samples)}, {run.after.files}",
        "connections to providers, after": f"{run.after.connections:g} kept, "
        f"{run.after.active:g} at work",
        "tasks: before, after": f"{run.before.tasks:g}, {run.after.tasks:g}",
        "the load was late by at most": f"{tally.latest_s:.2f} s",
        "CPU of the server, of load and providers": f"{run.cpu_s[0]:.0f} s, {run.cpu_s[1]:.0f} s",
    }


def _deeds(run: Run) -> dict[str, str]:
    return {
        mode + (" (in streams, after the first content)" if mode in AFTER_CONTENT else ""): (
            f"{sum(provider.did[mode] for provider in run.providers):,}"
        )
        for mode in Mode
        if mode is not Mode.REFUSE  # its port is closed then: nobody counts what came
    }


def _sorted(counts: Mapping[str, int]) -> dict[str, str]:
    ordered = sorted(counts.items(), key=lambda each: -each[1])
    return {f"`{name}`": f"{count:,}" for name, count in ordered}


def _table(rows: Mapping[str, Any]) -> Iterator[str]:
    for number, (name, value) in enumerate(rows.items()):
        yield f"| {name} | {value} |"
        if number == 0:
            yield "|---|---|"
