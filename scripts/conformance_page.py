"""Make docs/conformance.md of the outcomes that the tests have written; `--check` compares."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from tests.conformance import ASPECTS, OPERATIONS, PROVIDERS  # noqa: E402

PAGE = ROOT / "docs/conformance.md"
HEAD = """\
# Conformance

What the tests have proven, operation by operation and provider by provider: the official SDKs as
clients, the real server between, and a simulator of the provider behind, which is itself proven by
the provider's SDK. `scripts/docs` writes this page from what `scripts/test` has found, and
`scripts/test` fails when they differ.

| sign | means |
|---|---|
| ✓ | every test of it passed |
| ✗ | a test of it failed |
| · | no test of it has run |
| n/a | there is nothing to prove, for a reason below |

plain: an answer in one piece · stream: events or bytes as they arrive · tools: calling functions ·
usage: what is reported and charged · errors: refusals and failures as the SDKs see them · cancel:
who leaves ends the provider's work.
"""
SIGNS = {"passed": "✓", "failed": "✗"}
NOTHING = "n/a"


class Gap(NamedTuple):
    """Cells in which there is nothing to prove, and why; a row of nothing else is not shown."""

    reason: str
    operations: tuple[str, ...] = OPERATIONS
    providers: tuple[str, ...] = PROVIDERS
    aspects: tuple[str, ...] = ASPECTS


WITH_TOOLS = ("chat/completions", "responses", "realtime")
GAPS = (
    Gap(
        "Echo repeats texts: it draws nothing, speaks nothing, hears nothing and keeps nothing",
        operations=tuple(
            each
            for each in OPERATIONS
            if each.startswith(("images/", "audio/", "realtime", "responses by id"))
        ),
        providers=("Echo",),
    ),
    Gap(
        "Azure has no path for variations of images",
        operations=("images/variations",),
        providers=("AzureOpenAI", "AzureFoundry"),
    ),
    Gap("a realtime session is made of events alone", operations=("realtime",), aspects=("plain",)),
    Gap(
        "OpenAI's API answers it in one piece only",
        operations=(
            "embeddings",
            "moderations",
            "images/variations",
            "audio/translations",
            "models",
        ),
        aspects=("stream",),
    ),
    Gap(
        "no functions are called by it",
        operations=tuple(each for each in OPERATIONS if each not in WITH_TOOLS),
        aspects=("tools",),
    ),
    Gap("Echo calls no functions", providers=("Echo",), aspects=("tools",)),
    Gap(
        "it is free",
        operations=("moderations", "responses by id", "models"),
        aspects=("usage",),
    ),
    Gap(
        "the gateway answers it alone: no provider works for who leaves",
        operations=("models",),
        aspects=("cancel",),
    ),
    Gap(
        "Echo answers these at once: there is no work left to end",
        operations=("embeddings", "moderations"),
        providers=("Echo",),
        aspects=("cancel",),
    ),
)


def gaps(operation: str, provider: str, aspect: str) -> Iterator[Gap]:
    """Why there is nothing to prove here, if so."""
    for gap in GAPS:
        if operation in gap.operations and provider in gap.providers and aspect in gap.aspects:
            yield gap


def page(outcomes: list[dict[str, str]]) -> str:
    """Return the page's text."""
    found = {(row["operation"], row["provider"], row["aspect"]): row["outcome"] for row in outcomes}
    lines = [f"| operation | provider | {' | '.join(ASPECTS)} |", "|---" * (2 + len(ASPECTS)) + "|"]
    lines += list(_rows(found))
    lines += ["", "## Where there is nothing to prove", ""]
    lines += ["| operations | providers | aspects | why |", "|---|---|---|---|"]
    lines += map(_reason, GAPS)
    return HEAD + "\n" + "\n".join(lines) + "\n"


def _rows(found: dict[tuple[str, str, str], str]) -> Iterator[str]:
    for operation in OPERATIONS:
        for provider in PROVIDERS:
            signs = [_sign(found, operation, provider, aspect) for aspect in ASPECTS]
            if set(signs) != {NOTHING}:
                yield f"| {operation} | {provider} | {' | '.join(signs)} |"


def _sign(
    found: dict[tuple[str, str, str], str], operation: str, provider: str, aspect: str
) -> str:
    outcome = found.get((operation, provider, aspect))
    if outcome is not None:
        return SIGNS[outcome]
    return NOTHING if any(gaps(operation, provider, aspect)) else "·"


def _reason(gap: Gap) -> str:
    """Return a row that says of which cells this is the reason."""
    named = [
        "all" if said == known else ", ".join(said)
        for said, known in (
            (gap.operations, OPERATIONS),
            (gap.providers, PROVIDERS),
            (gap.aspects, ASPECTS),
        )
    ]
    return f"| {' | '.join(named)} | {gap.reason} |"


def main() -> None:
    """Write the page, or compare it."""
    source = Path(sys.argv[1])
    if not source.exists():
        sys.exit(f"{source.name} is missing: run scripts/test first")
    made = page(json.loads(source.read_text()))
    if "--check" not in sys.argv:
        PAGE.write_text(made)
    elif not PAGE.exists() or PAGE.read_text() != made:
        sys.exit("docs/conformance.md is not what the tests have found: run scripts/docs")


if __name__ == "__main__":
    main()
