"""The simulated Claude models, and what each of them takes.

Sources: `ModelParam` of anthropic 2.12.0; platform.claude.com, "Thinking" (which model takes which
`thinking.type`, and the default of `display`); errors in workglow-dev/libs pull 746,
zeroclaw-labs/zeroclaw pull 10611, docker/docker-agent issue 3362, QwenLM/qwen-code pull 8040.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaudeModel:
    """One model. `id` is the snapshot that an answer names."""

    id: str
    display_name: str
    created_at: str
    max_tokens: int = 64_000
    budgets: bool = True  # thinking.type "enabled" with budget_tokens
    adapts: bool = False  # thinking.type "adaptive"
    thinks_by_default: bool = False
    display: str = "summarized"  # of the thinking, unless asked otherwise
    samples: bool = True  # temperature, top_p, top_k
    prefills: bool = True  # an assistant turn in the last place
    effort: bool = False  # output_config.effort
    system_turns: bool = False  # role "system" among the messages


def _latest(name: str, display_name: str, created_at: str) -> ClaudeModel:
    """A model of the fifth generation."""
    return ClaudeModel(
        id=name,
        display_name=display_name,
        created_at=created_at,
        max_tokens=128_000,
        budgets=False,
        adapts=True,
        thinks_by_default=True,
        display="omitted",
        samples=False,
        prefills=False,
        effort=True,
        system_turns=True,
    )


# By the name that is asked for; a snapshot's own name is served too.
MODELS: Mapping[str, ClaudeModel] = {
    "claude-haiku-4-5": ClaudeModel(
        id="claude-haiku-4-5-20251001",
        display_name="Claude Haiku 4.5",
        created_at="2025-10-15T00:00:00Z",
    ),
    "claude-sonnet-4-5": ClaudeModel(
        id="claude-sonnet-4-5-20250929",
        display_name="Claude Sonnet 4.5",
        created_at="2025-09-29T00:00:00Z",
    ),
    "claude-opus-4-5": ClaudeModel(
        id="claude-opus-4-5-20251101",
        display_name="Claude Opus 4.5",
        created_at="2025-11-24T00:00:00Z",
        effort=True,
    ),
    "claude-sonnet-4-6": ClaudeModel(
        id="claude-sonnet-4-6",
        display_name="Claude Sonnet 4.6",
        created_at="2026-02-17T00:00:00Z",
        max_tokens=128_000,
        adapts=True,
        prefills=False,
        effort=True,
    ),
    "claude-sonnet-5": _latest("claude-sonnet-5", "Claude Sonnet 5", "2026-06-30T00:00:00Z"),
    "claude-opus-5-5": _latest("claude-opus-5-5", "Claude Opus 5.5", "2026-10-01T00:00:00Z"),
}


def on_vertex(models: Mapping[str, ClaudeModel] = MODELS) -> Mapping[str, ClaudeModel]:
    """The models by Vertex's names: the snapshot's date stands behind an `@`."""
    named = {}
    for name, model in models.items():
        date = model.id.removeprefix(name).strip("-")
        named[f"{name}@{date or 'default'}"] = model
        named[name] = model
    return named
