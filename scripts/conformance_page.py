"""Make docs/conformance.md of the outcomes that the tests have written; `--check` compares."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from scripts.page import keep, outcomes  # noqa: E402
from tests.conformance import (  # noqa: E402
    ASPECTS,
    BASIC,
    CONVERSATIONS,
    OF_CONVERSATIONS,
    OPERATIONS,
    PROVIDERS,
)

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
OF_CHAT = """\
two turns: a tool's result is sent back and answered, also by clients that keep OpenAI's fields only
· parallel tools: several calls at once · image input · json schema: `parse` of the official SDK ·
reasoning: thoughts in `reasoning_content` · length, refusal: how an answer ends · cut stream: what
breaks in the middle raises · slow stream: bytes that drip in.
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
OPENAIS = ("OpenAI", "AzureOpenAI", "AzureFoundry")
"""Who offers all of OpenAI's operations."""
OPEN_MODELS = (
    "GoogleVertexDeepSeek",
    "GoogleVertexMeta",
    "GoogleVertexQwen",
    "GoogleVertexOpenAI",
)
PARTNERS = (*OPEN_MODELS, "GoogleVertexClaude", "GoogleVertexMistral", "GoogleVertexJamba")
CHATTERS = ("AzureFoundry (Claude)", "Anthropic", *PARTNERS, "LiteLLM")
"""Who only chats; `/v1/responses` is made of that."""
IN_CHAT = ("chat/completions", "responses", "models")


def _beyond(*offered: str) -> tuple[str, ...]:
    """Return all operations but these."""
    return tuple(each for each in OPERATIONS if each not in offered)


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
        "these models only chat, and keep no responses",
        operations=_beyond(*IN_CHAT),
        providers=CHATTERS,
    ),
    Gap(
        "Google has no such operation, or none that the gateway offers (docs/translation.md)",
        operations=(
            "completions",
            "responses by id",
            "moderations",
            "images/variations",
            "realtime",
        ),
        providers=("GoogleVertex",),
    ),
    Gap(
        "Azure has no path for variations of images",
        operations=("images/variations",),
        providers=("AzureOpenAI", "AzureFoundry"),
    ),
    Gap(
        "Google draws in one piece: a stream is a 400",
        operations=("images/generations", "images/edits"),
        providers=("GoogleVertex",),
        aspects=("stream",),
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
    Gap(
        "Echo says the last message again, whatever is asked",
        operations=(CONVERSATIONS,),
        providers=("Echo",),
        aspects=OF_CONVERSATIONS,
    ),
    Gap(
        "OpenAI does not show thoughts in chat completions",
        operations=(CONVERSATIONS,),
        providers=("OpenAI", "AzureOpenAI"),
        aspects=("reasoning",),
    ),
    Gap(
        "the model reads texts only",
        operations=(CONVERSATIONS,),
        providers=(
            "GoogleVertexDeepSeek",
            "GoogleVertexQwen",
            "GoogleVertexOpenAI",
            "GoogleVertexJamba",
        ),
        aspects=("image input",),
    ),
    Gap(
        "the model does not think aloud",
        operations=(CONVERSATIONS,),
        providers=(
            "GoogleVertexMeta",
            "GoogleVertexQwen",
            "GoogleVertexOpenAI",
            "GoogleVertexJamba",
        ),
        aspects=("reasoning",),
    ),
    Gap(
        "AI21's API takes json_object only",
        operations=(CONVERSATIONS,),
        providers=("GoogleVertexJamba",),
        aspects=("json schema",),
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
    lines = [*_table(found, OPERATIONS, BASIC), "", "## Conversations", "", OF_CHAT]
    lines += _table(found, (CONVERSATIONS,), OF_CONVERSATIONS)
    lines += ["", "## Where there is nothing to prove", ""]
    lines += ["| operations | providers | aspects | why |", "|---|---|---|---|"]
    lines += map(_reason, GAPS)
    return HEAD + "\n" + "\n".join(lines) + "\n"


def _table(
    found: dict[tuple[str, str, str], str], operations: tuple[str, ...], aspects: tuple[str, ...]
) -> Iterator[str]:
    yield f"| operation | provider | {' | '.join(aspects)} |"
    yield "|---" * (2 + len(aspects)) + "|"
    for operation in operations:
        for provider in PROVIDERS:
            signs = [_sign(found, operation, provider, aspect) for aspect in aspects]
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


if __name__ == "__main__":
    keep(PAGE, page(outcomes()), "the tests have found")
