"""Which cells of `docs/conformance.md` a run of the tests has proven.

A test says what it proves with a mark; what it says in several marks is put together:

    @pytest.mark.conformance(operation="embeddings", aspect="plain")
    @pytest.mark.parametrize("model", ["gpt-4o-mini", "azure-v1"])

`provider` may be left out where the test has a parameter `model`: the model's name tells it.
`--conformance FILE` writes the outcomes; `scripts/docs` makes the page of them.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

OPERATIONS = (
    "chat/completions",
    "completions",
    "responses",
    "responses by id",
    "embeddings",
    "moderations",
    "images/generations",
    "images/edits",
    "images/variations",
    "audio/speech",
    "audio/transcriptions",
    "audio/translations",
    "realtime",
    "models",
)
PROVIDERS = (
    "OpenAI",
    "AzureOpenAI",
    "AzureFoundry",
    "AzureFoundry (Claude)",
    "Anthropic",
    "GoogleVertex",
    "GoogleVertexClaude",
    "GoogleVertexDeepSeek",
    "GoogleVertexMeta",
    "GoogleVertexMistral",
    "GoogleVertexJamba",
    "GoogleVertexQwen",
    "GoogleVertexOpenAI",
    "LiteLLM",
    "Echo",
)
BASIC = ("plain", "stream", "tools", "usage", "errors", "cancel")
"""What is proven of every operation."""
OF_CONVERSATIONS = (
    "two turns",
    "parallel tools",
    "image input",
    "json schema",
    "reasoning",
    "length",
    "refusal",
    "cut stream",
    "slow stream",
)
"""What is proven of chat completions beyond that."""
ASPECTS = (*BASIC, *OF_CONVERSATIONS)
CONVERSATIONS = "chat/completions"
BY_MODEL = (
    ("azure", "AzureOpenAI"),
    ("foundry-claude", "AzureFoundry (Claude)"),
    ("foundry", "AzureFoundry"),
    ("anthropic", "Anthropic"),
    ("vertex-claude", "GoogleVertexClaude"),
    ("vertex-deepseek", "GoogleVertexDeepSeek"),
    ("vertex-meta", "GoogleVertexMeta"),
    ("vertex-mistral", "GoogleVertexMistral"),
    ("vertex-jamba", "GoogleVertexJamba"),
    ("vertex-qwen", "GoogleVertexQwen"),
    ("vertex-openai", "GoogleVertexOpenAI"),
    ("vertex", "GoogleVertex"),
    ("google", "GoogleVertex"),
    ("litellm", "LiteLLM"),
    ("echo", "Echo"),
)
"""What the name of a test's model begins with to the provider; all others are OpenAI's."""

Cell = tuple[str, str, str]


def provider_of(model: str) -> str:
    """The provider behind a model of the tests' documents."""
    return next((provider for start, provider in BY_MODEL if model.startswith(start)), "OpenAI")


def cells_of(item: pytest.Item) -> Iterator[Cell]:
    """What this test proves. Raises pytest.UsageError for a word that no table knows."""
    said: dict[str, str | tuple[str, ...]] = {}
    for mark in reversed(list(item.iter_markers("conformance"))):
        said |= mark.kwargs
    if not said:
        return
    parameters: dict[str, object] = getattr(getattr(item, "callspec", None), "params", {})
    said = {name: parameters.get(name, "") for name in ("operation", "aspect")} | said  # type: ignore[assignment]
    said.setdefault("provider", provider_of(str(parameters.get("model", ""))))
    for operation in _each(item, said["operation"], OPERATIONS):
        for provider in _each(item, said["provider"], PROVIDERS):
            for aspect in _each(item, said["aspect"], ASPECTS):
                yield operation, provider, aspect


def _each(item: pytest.Item, said: str | Iterable[str], known: tuple[str, ...]) -> tuple[str, ...]:
    words = (said,) if isinstance(said, str) else tuple(said)
    for word in words:
        if word not in known:
            raise pytest.UsageError(f"{item.nodeid}: {word!r} is none of {', '.join(known)}")
    return words


class Recorder:
    """Collects one outcome per cell: `failed` when any of its tests failed, else `passed`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cells: dict[str, tuple[Cell, ...]] = {}
        self._outcomes: dict[Cell, str] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Read the marks, so that a wrong word ends the run before it begins."""
        self._cells = {item.nodeid: tuple(cells_of(item)) for item in items}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended; a skipped one proves nothing."""
        for cell in self._cells.get(report.nodeid, ()):
            if report.failed:
                self._outcomes[cell] = "failed"
            elif report.passed and report.when == "call":
                self._outcomes.setdefault(cell, "passed")

    def pytest_sessionfinish(self) -> None:
        """Write what was found."""
        rows = [
            {"operation": operation, "provider": provider, "aspect": aspect, "outcome": outcome}
            for (operation, provider, aspect), outcome in sorted(self._outcomes.items())
        ]
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._path.write_text(json.dumps(rows, indent=1) + "\n")
