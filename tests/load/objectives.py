"""Service level objectives as options of locust: the exit code tells whether they held."""

import logging

from locust.argument_parser import LocustArgumentParser
from locust.env import Environment
from locust.runners import WorkerRunner
from locust.stats import StatsEntry

from tests.load.tools import EVENT

_LOG = logging.getLogger("llmproxy.load")


def add_options(parser: LocustArgumentParser) -> None:
    """Add what has to hold. Without any of them locust's own `--exit-code-on-error` counts."""
    for option, words in (
        ("p95-ms", "of every kind of call 95 in 100 end within so many milliseconds"),
        ("first-event-p95-ms", "95 in 100 streams have their first event within so many"),
        ("errors-percent", "at most so many calls in 100 fail; 0 where another objective is set"),
    ):
        parser.add_argument(
            f"--slo-{option}", type=float, include_in_web_ui=False, help=f"Objective: {words}"
        )


def judge(environment: Environment, **_: object) -> None:
    """Set the exit code when locust ends, and log each objective that was missed."""
    options = environment.parsed_options
    asked = (options.slo_p95_ms, options.slo_first_event_p95_ms, options.slo_errors_percent)
    if isinstance(environment.runner, WorkerRunner) or asked == (None, None, None):
        return
    rows = list(environment.stats.entries.values())
    missed = [*_slow(rows, *asked[:2]), *_failed(rows, asked[2] or 0.0)]
    for words in missed:
        _LOG.error("objective missed: %s", words)
    environment.process_exit_code = 1 if missed else 0


def _slow(rows: list[StatsEntry], p95_ms: float | None, first_ms: float | None) -> list[str]:
    """The rows that were slower than they may be."""
    found = []
    for row in rows:
        most = first_ms if row.method == EVENT else p95_ms
        took = row.get_response_time_percentile(0.95)
        if most is not None and took > most:
            found.append(f"{row.name}: p95 is {took:g} ms, more than {most:g}")
    return found


def _failed(rows: list[StatsEntry], most: float) -> list[str]:
    """Whether more calls failed than may. A run without a call has missed everything."""
    calls = sum(row.num_requests for row in rows if row.method != EVENT)
    failures = sum(row.num_failures for row in rows if row.method != EVENT)
    if not calls:
        return ["no call was made"]
    percent = 100 * failures / calls
    return [f"{percent:.2f} % of the calls failed, more than {most:g}"] if percent > most else []
