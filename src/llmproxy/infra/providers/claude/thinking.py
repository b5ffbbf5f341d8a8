"""`reasoning_effort` as Anthropic's thinking, by what a model's generation takes.

| effort | adaptive models | models with budgets |
|---|---|---|
| `none` | `thinking: disabled`; refused where it cannot be | nothing: off is their default |
| `minimal` | as `low`, told in `x-llmproxy-changed` | 1,024 tokens |
| `low`, `medium`, `high` | `adaptive`, and the same `output_config.effort` | 2,048, 8,192, 16,384 |
| `xhigh`, `max` | the same, where the model has it | 32,768, as much as fits |

A budget leaves a quarter of `max_tokens` for the answer and is at least 1,024, which is Anthropic's
least; with less room there is no thinking to be had. Adaptive thinking asks to be shown
(`display`), since the newer models hide it otherwise. `thinking` and `output_config` as Anthropic
has them go on as they are, when a request brings them (`extra_body` of the SDK).
"""

from typing import Any, NamedTuple

from llmproxy.infra.providers.claude.generation import Generation
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

Json = dict[str, Any]
FIELD = "reasoning_effort"
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
BUDGETS = {
    "minimal": 1_024,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 32_768,
    "max": 32_768,
}
LEAST_BUDGET = 1_024


class Turn(NamedTuple):
    """What of a request bears upon its thinking.

    `forced`: it must call a tool. `forgot`: what was thought before the tools that it brings the
    results of is lost.
    """

    max_tokens: int
    forced: bool
    forgot: bool


class Thinking(NamedTuple):
    """`config` is the field `thinking`, `effort` that of `output_config`."""

    config: Json | None = None
    effort: str | None = None

    @property
    def on(self) -> bool:
        """Whether thinking was asked for, which bounds how answers are sampled."""
        return self.config is not None and self.config.get("type") in {"enabled", "adaptive"}


def thinking_for(
    effort: object, native: object, turn: Turn, generation: Generation, remarks: Remarks
) -> Thinking:
    """Return what is asked for. Raises InvalidRequest for what the model cannot do."""
    if native is not None:
        return _native(native, effort, turn, generation, remarks)
    if effort is None:
        return Thinking()
    if effort not in EFFORTS:
        raise invalid(FIELD, f"it must be one of {', '.join(EFFORTS)}")
    word = str(effort)
    if word == "none":
        return _none(generation, remarks)
    if not generation.thinks:
        remarks.unsupported(FIELD)
        return Thinking()
    return (_adaptive if generation.adaptive else _budget)(word, turn, generation, remarks)


def _native(
    native: object, effort: object, turn: Turn, generation: Generation, remarks: Remarks
) -> Thinking:
    if not isinstance(native, dict):
        raise invalid("thinking", "it must be an object")
    level = None
    if effort is not None and effort != "none":
        level = _level(str(effort), generation, remarks)
    if native.get("type") == "enabled" and turn.forgot:
        remarks.change("thinking")
        return Thinking(None, level)
    return Thinking(native, level)


def _none(generation: Generation, remarks: Remarks) -> Thinking:
    if generation.always_thinks:
        remarks.impossible(FIELD, "this model cannot answer without thinking")
        return Thinking()
    return Thinking({"type": "disabled"}) if generation.adaptive else Thinking()


def _adaptive(word: str, turn: Turn, generation: Generation, remarks: Remarks) -> Thinking:
    level = _level(word, generation, remarks)
    if level is None:
        return Thinking()
    if turn.forced:
        # Some of these models refuse thinking that is asked for beside a tool that must be called
        # ("Thinking may not be enabled when tool_choice forces tool use"); their effort stands.
        remarks.change(FIELD)
        return Thinking(None, level)
    config: Json = {"type": "adaptive"}
    if generation.hides_thinking:
        config["display"] = "summarized"
    return Thinking(config, level)


def _level(word: str, generation: Generation, remarks: Remarks) -> str | None:
    if word == "minimal" and generation.efforts:
        remarks.change(FIELD)
        return "low"
    if word in generation.efforts:
        return word
    known = ", ".join(generation.efforts) or "none"
    remarks.impossible(FIELD, f"this model has no effort '{word}' (it has: {known})")
    return None


def _budget(word: str, turn: Turn, _generation: Generation, remarks: Remarks) -> Thinking:
    if turn.forced:
        remarks.impossible(FIELD, "this model cannot think when it is forced to call a tool")
        return Thinking()
    if turn.forgot:
        # It refuses results of tools without the thinking before them; what is lost cannot be
        # mended by the caller, so the turn goes on without.
        remarks.change(FIELD)
        return Thinking()
    budget = min(BUDGETS[word], turn.max_tokens - turn.max_tokens // 4)
    budget = max(budget, LEAST_BUDGET)
    if budget >= turn.max_tokens:
        remarks.impossible(
            FIELD,
            f"thinking takes {LEAST_BUDGET} tokens at least, and max_tokens is {turn.max_tokens}",
            "Raise `max_completion_tokens`.",
        )
        return Thinking()
    return Thinking({"type": "enabled", "budget_tokens": budget})
