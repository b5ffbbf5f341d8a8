"""`reasoning_effort` as Gemini's `thinkingConfig`, as Google's own OpenAI compatibility has it.

| effort | Gemini 3 and later | before: budget |
|---|---|---|
| `none` | refused: they always think | 0 (2.5 Pro refuses it) |
| `minimal` | `MINIMAL`; Pro has none, so `LOW`, told in `x-llmproxy-changed` | 1,024 |
| `low`, `medium`, `high` | the same | 1,024, 8,192, 24,576 |

Source: ai.google.dev, "OpenAI compatibility", thinking (2026). Thoughts are asked for with it, so
that `reasoning_content` comes. Without an effort nothing is said: a model that does not think
refuses the whole field.
"""

from typing import Any

from llmproxy.infra.providers.gemini.generation import Generation
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]
FIELD = "reasoning_effort"
BUDGETS = {"none": 0, "minimal": 1_024, "low": 1_024, "medium": 8_192, "high": 24_576}


def thinking_for(effort: object, generation: Generation, remarks: Remarks) -> Json | None:
    """Return the config, None for nothing. Raises InvalidRequest for what the model cannot do."""
    if effort is None:
        return None
    if not isinstance(effort, str) or effort not in BUDGETS:
        remarks.impossible(FIELD, f"it must be one of {', '.join(BUDGETS)}")
        return None
    if not generation.levels:
        budget = BUDGETS[effort]
        return {"thinkingBudget": budget, "includeThoughts": budget > 0}
    if effort == "none":
        remarks.impossible(
            FIELD, "this model cannot answer without thinking", "`minimal` or `low` is the least."
        )
        return None
    if effort == "minimal" and generation.pro:
        remarks.change(FIELD)
        effort = "low"
    return {"thinkingLevel": effort.upper(), "includeThoughts": True}
