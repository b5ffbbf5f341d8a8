"""Make docs/failures.md of what tests/api/matrix has found; `--check` compares."""

import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.page import keep, outcomes  # noqa: E402
from tests.api.matrix.fates import Shape  # noqa: E402
from tests.api.matrix.table import GROUPS, Row  # noqa: E402

PAGE = ROOT / "docs/failures.md"
HEAD = """\
# Failures

What a caller sees of a provider's failure. Every cell is a test: the official SDK (openai-python,
its own retries off), the real server, and a simulated provider with that fault, over sockets.
Asserted in each are the status, the error envelope with its four keys, how often each provider
was asked, the time, and the row in the ledger: its outcome, its attempts with their errors, its
cost. `scripts/docs` writes this page from what `scripts/test` has found, and `scripts/test` fails
when they differ.

What the table follows from:

- **Before the first content** a failure moves the call on: to the model's next deployment, then
  to a fallback. The caller sees a slower answer and no error. When nobody else is left, a
  provider that is busy, broken, or timed out by its own word is asked again (`routing.retries`, 2
  by default), after a pause: up to 0.25 s, then up to 0.5 s, never less than its `retry-after`,
  and not at all if that is more than 10 s.
- **What is not asked again**: a fault of the platform's own account or deployment
  (`upstream_credentials`, `upstream_misconfigured`), and what the gateway has waited for in vain
  (`upstream_…_timeout`); but where that deployment has answered other calls since, once.
- **A refusal of the request itself** ends the call, because the next deployment would refuse it
  too. The provider's words pass.
- **After the first content** nobody else is asked, since another answer would not go on where
  this one ended. The stream ends in an error event, on which the SDKs raise: it never looks
  complete.
- **In the ledger** each call is one row with all its attempts. A call that failed before the
  first content costs nothing; one that broke off costs an estimate of what was said, marked as
  such; an answer costs what its provider reported.

How to read a cell:

| words | mean |
|---|---|
| answer | the whole answer, from the deployment with the fault |
| answer of the second, of the fallback | the whole answer; both providers were asked once |
| 502 `upstream_error`, asked 3 times | the status, the code, and how often the provider was asked |
| 400, the provider's words | the provider's own status and error object; nobody else was asked |
| raises `upstream_error` | the first words, then an error event: the SDK raises an APIError |
| n/a | there is no such fault |
| ✗ | its test failed |
| · | its test has not run |

The limits of the gateway in these tests: connecting 1 s, first token 1 s, between tokens 0.6 s,
total 2.5 s; by default they are far longer ([errors.md](errors.md#limits-of-time)). A failure to
connect is counted as an attempt, although the provider hears nothing of it.
"""
PLACES = ((Shape.ALONE, "One deployment"), (Shape.TWO, "Two"), (Shape.FALLBACK, "Fallback"))
ELSEWHERE = {Shape.TWO: "answer of the second", Shape.FALLBACK: "answer of the fallback"}
Cells = dict[tuple[str, str, bool], dict[str, Any]]


def page(found: list[dict[str, Any]]) -> str:
    """Return the page's text."""
    cells: Cells = {(cell["fault"], cell["shape"], cell["stream"]): cell for cell in found}
    lines = [HEAD]
    for title, rows in GROUPS:
        lines += [f"## {title}", "", *_table(cells, rows), ""]
    return "\n".join(lines)


def _table(cells: Cells, rows: tuple[Row, ...]) -> Iterator[str]:
    heads = [f"{name}: {mode}" for _, name in PLACES for mode in ("plain", "stream")]
    yield f"| fault | {' | '.join(heads)} |"
    yield "|---" * (1 + len(heads)) + "|"
    for row in rows:
        words = [
            _cell(cells, row, shape, stream=stream)
            for shape, _ in PLACES
            for stream in (False, True)
        ]
        yield f"| {row.name} | {' | '.join(words)} |"


def _cell(cells: Cells, row: Row, shape: Shape, *, stream: bool) -> str:
    if (row.stream if stream else row.plain) is None:
        return "n/a"
    cell = cells.get((row.name, shape, stream))
    if cell is None:
        return "·"
    if cell["failed"] or "status" not in cell or "attempts" not in cell:
        return "✗"
    return _words(cell, shape)


def _words(cell: dict[str, Any], shape: Shape) -> str:
    """Say what was found."""
    asked = [
        (name, len(list(tries))) for name, tries in groupby(each[0] for each in cell["attempts"])
    ]
    if cell["raised"]:
        return f"raises `{cell['code']}`"
    if cell["code"] is None:
        return "answer" if len(asked) == 1 else ELSEWHERE[shape]
    if cell["outcome"] == "refused":
        return f"{cell['status']}, the provider's words"
    [(_, times)] = asked
    return f"{cell['status']} `{cell['code']}`" + (f", asked {times} times" if times > 1 else "")


if __name__ == "__main__":
    keep(PAGE, page(outcomes()), "the tests have found")
