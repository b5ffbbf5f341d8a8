"""What a Claude model takes, told from the generation in its name.

Anthropic changed thinking and sampling several times, and asking for the wrong form is a 400:

| since | what |
|---|---|
| 3.7 | thinks, with `thinking: {type: enabled, budget_tokens}` |
| 4.1 | `temperature` and `top_p` not both |
| 4.6 | `thinking: {type: adaptive}`; `output_config.effort`, with `max`; the last message must be \
the user's |
| 4.7 | no budgets; `temperature`, `top_p`, `top_k` at their defaults only; effort `xhigh`; \
thinking is shown only when `display` asks for it |
| 4.8 | `system` messages in the middle of a conversation (Anthropic's own API only) |
| 5.5 but for Haiku; Fable, Mythos | thinking cannot be turned off |

Sources (2026-11): platform.claude.com, "Thinking", "Effort", "Mid-conversation system messages",
"Migration guide"; `types/model_capabilities.py` of anthropic 2.12.0, whose `GET /v1/models` tells
the same; the flags per model in litellm 1.110.2's `model_prices_and_context_window_backup.json`.
"""

import re
from typing import Final, NamedTuple

from llmproxy.domain.model import Model
from llmproxy.infra.providers.openai_wire.endpoints import upstream_model

_NEW: Final = re.compile(r"claude-([a-z]+)(?:-(\d{1,2})(?:[-.](\d{1,2}))?)?(?![0-9.])")
_OLD: Final = re.compile(r"claude-(\d)(?:[-.](\d{1,2}))?-([a-z]+)")
_LINES: Final = frozenset(("opus", "sonnet", "haiku", "fable", "mythos"))
_ALWAYS_THINK: Final = frozenset(("fable", "mythos"))
NEWEST: Final = (5, 0)


class Generation(NamedTuple):
    """What a model takes.

    `efforts` are the words of `output_config.effort`, none before 4.6 (Opus 4.5 has it in beta;
    budgets say as much there). `always_thinks`: it refuses to have thinking turned off.
    `hides_thinking`: it shows thinking only when asked to. `either_sampler`: temperature or top_p,
    not both. `system_turns`: see above. `default_max_tokens` is sent when neither request nor
    document has a bound.
    """

    thinks: bool
    adaptive: bool
    efforts: tuple[str, ...]
    always_thinks: bool
    hides_thinking: bool
    samples: bool
    either_sampler: bool
    system_turns: bool
    default_max_tokens: int


def generation_of(model: Model) -> Generation:
    """Return what a registered model takes.

    A deployment may be called anything; `parameters.base_model` then names the model behind it.
    Without a name that tells, it is taken for one of the newest generation, but for sampling: there
    the provider itself refuses what it does not take.
    """
    parameters = model.parameters
    base = parameters.extra.get("base_model")
    names = (base, parameters.model, parameters.deployment_name, upstream_model(model), model.code)
    for name in names:
        known = _told_by(name) if isinstance(name, str) else None
        if known is not None:
            return _of(*known)
    return _of("", NEWEST)._replace(samples=True, system_turns=False)


def _told_by(name: str) -> tuple[str, tuple[int, int]] | None:
    old = _OLD.search(name)
    if old is not None:
        return old[3], (int(old[1]), int(old[2] or 0))
    new = _NEW.search(name)
    if new is None or new[1] not in _LINES:
        return None
    return new[1], (int(new[2]), int(new[3] or 0)) if new[2] else NEWEST


def _of(line: str, version: tuple[int, int]) -> Generation:
    efforts: tuple[str, ...] = ()
    if version >= (4, 6):
        xhigh = ("xhigh",) if version >= (4, 7) else ()
        efforts = ("low", "medium", "high", *xhigh, "max")
    return Generation(
        thinks=version >= (3, 7),
        adaptive=version >= (4, 6),
        efforts=efforts,
        always_thinks=line in _ALWAYS_THINK or (version >= (5, 5) and line != "haiku"),
        hides_thinking=version >= (4, 7),
        samples=version < (4, 7),
        either_sampler=version >= (4, 1),
        system_turns=version >= (4, 8),
        default_max_tokens=_default_max_tokens(version),
    )


def _default_max_tokens(version: tuple[int, int]) -> int:
    """Return the most that the gateway reserves for an answer without a bound, where the model can.

    (`ASSUMED_OUTPUT_TOKENS` of `application/steps/admit.py`; the models of 3.5 end at 8,192 tokens,
    those before at 4,096.)
    """
    if version >= (3, 7):
        return 16_384
    return 8_192 if version >= (3, 5) else 4_096
