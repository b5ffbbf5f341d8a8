"""Make docs/conformance.md of the outcomes that the tests have written; `--check` compares."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

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
| n/a | the provider does not offer it, or the operation does not have it |

plain: an answer in one piece · stream: events or bytes as they arrive · tools: calling functions ·
usage: what is reported and charged · errors: refusals and failures as the SDKs see them · cancel:
who leaves ends the provider's work.
"""
SIGNS = {"passed": "✓", "failed": "✗"}
ECHO_OFFERS = {
    "chat/completions",
    "completions",
    "responses",
    "embeddings",
    "moderations",
    "models",
}
NOT_OFFERED = {
    ("images/variations", "AzureOpenAI"),
    ("images/variations", "AzureFoundry"),
    *((operation, "Echo") for operation in OPERATIONS if operation not in ECHO_OFFERS),
}
WITH_TOOLS = {"chat/completions", "responses", "realtime"}
WITHOUT_STREAM = {
    "embeddings", "moderations", "images/variations", "audio/translations", "models",
    "responses by id",
}  # fmt: skip
ONLY_STREAM = {"realtime"}
WITHOUT_USAGE = {"models", "moderations", "responses by id"}


def applies(operation: str, provider: str, aspect: str) -> bool:
    """Whether there is anything to prove."""
    if (operation, provider) in NOT_OFFERED:
        return False
    return {
        "plain": operation not in ONLY_STREAM,
        "stream": operation not in WITHOUT_STREAM,
        "tools": operation in WITH_TOOLS and provider != "Echo",
        "usage": operation not in WITHOUT_USAGE,
        "errors": True,
        "cancel": operation not in {"models", "responses by id"},
    }[aspect]


def page(outcomes: list[dict[str, str]]) -> str:
    """Return the page's text."""
    found = {(row["operation"], row["provider"], row["aspect"]): row["outcome"] for row in outcomes}
    lines = [f"| operation | provider | {' | '.join(ASPECTS)} |", "|---" * (2 + len(ASPECTS)) + "|"]
    lines += list(_rows(found))
    return HEAD + "\n" + "\n".join(lines) + "\n"


def _rows(found: dict[tuple[str, str, str], str]) -> Iterator[str]:
    for operation in OPERATIONS:
        for provider in PROVIDERS:
            if (operation, provider) in NOT_OFFERED:
                continue
            signs = [_sign(found, operation, provider, aspect) for aspect in ASPECTS]
            yield f"| {operation} | {provider} | {' | '.join(signs)} |"


def _sign(
    found: dict[tuple[str, str, str], str], operation: str, provider: str, aspect: str
) -> str:
    outcome = found.get((operation, provider, aspect))
    if outcome is not None:
        return SIGNS[outcome]
    return "·" if applies(operation, provider, aspect) else "n/a"


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
