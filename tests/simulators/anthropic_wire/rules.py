"""What a body of the Messages API must be: its fields, and what does not go together."""

import re
from collections.abc import Mapping
from typing import Any

from tests.simulators.anthropic_wire.blocks import (
    CACHE_CONTROL,
    OUTPUT_CONFIG,
    SYSTEM,
    THINKING_CONFIG,
    TOOL,
    TOOL_CHOICE,
)
from tests.simulators.anthropic_wire.errors import invalid
from tests.simulators.anthropic_wire.models import ClaudeModel
from tests.simulators.anthropic_wire.schemas import check_schema, check_valid
from tests.simulators.anthropic_wire.shapes import (
    Check,
    anything,
    boolean,
    fraction,
    integer,
    items,
    mapping,
    nullable,
    one_of,
    record,
    tagged,
    text,
)
from tests.simulators.anthropic_wire.turns import check_messages

Body = dict[str, Any]

FIRST_VERSION = "2023-06-01"
LATEST_VERSION = "2026-10-21"

_SAMPLING: Mapping[str, Check] = {
    "temperature": fraction,
    "top_p": fraction,
    "top_k": integer(0),
}
_SERVER_TOOL = re.compile(
    r"(bash|browser_toolset|code_execution|computer|computer_toolset|memory|text_editor"
    r"|tool_search_tool_\w+|web_fetch|web_search)_20\d{6}"
)


def _tool(where: str, value: object) -> None:
    """A tool of the client's; Anthropic's own are taken as they are."""
    mapping(where, value)
    assert isinstance(value, dict)
    kind = value.get("type") or "custom"
    if not _SERVER_TOOL.fullmatch(str(kind)):
        tagged({"custom": TOOL})(where, value | {"type": kind})


_COUNTED: Mapping[str, Check] = {
    "model": text,
    "messages": items(mapping),
    "system": SYSTEM,
    "tools": items(_tool),
    "tool_choice": TOOL_CHOICE,
    "thinking": THINKING_CONFIG,
    "output_config": OUTPUT_CONFIG,
    "cache_control": nullable(CACHE_CONTROL),
    "speed": nullable(one_of("standard", "fast")),
}
_CREATED: Mapping[str, Check] = {
    **_COUNTED,
    "max_tokens": integer(0),
    "stream": boolean,
    "stop_sequences": items(text),
    "metadata": record({"user_id": nullable(text)}),
    "service_tier": one_of("auto", "standard_only"),
    "container": nullable(anything),
    "diagnostics": nullable(mapping),
    "inference_geo": nullable(text),
}


def check_shape(body: Body, *, version: str, counting: bool = False) -> None:
    """The fields, by themselves. `version` is one of the two above."""
    fields = dict(_COUNTED if counting else _CREATED)
    if version == FIRST_VERSION and not counting:
        fields.update(_SAMPLING)
    required = ("messages", "model") if counting else ("max_tokens", "messages", "model")
    record(fields, *required)("", body)


def check_rules(body: Body, model: ClaudeModel, *, version: str) -> None:
    """What does not go together, or not with this model, in a body of the right shape."""
    _check_max_tokens(body, model)
    _check_thinking(body, model)
    _check_sampling(body, model)
    _check_tools(body)
    _check_format(body, model)
    _check_cache(body)
    if any(not sequence.strip() for sequence in body.get("stop_sequences") or []):
        raise invalid("stop_sequences: each stop sequence must contain non-whitespace")
    check_messages(body, model, latest=version == LATEST_VERSION)


def thinking_kind(body: Body, model: ClaudeModel) -> str:
    """`enabled`, `adaptive` or `disabled`, as it is asked for or the model's default."""
    default = "adaptive" if model.thinks_by_default else "disabled"
    kind = (body.get("thinking") or {}).get("type", default)
    return "disabled" if kind == "between_tools" else str(kind)


def _check_max_tokens(body: Body, model: ClaudeModel) -> None:
    wanted = body.get("max_tokens", 0)
    if wanted > model.max_tokens:
        raise invalid(
            f"max_tokens: {wanted} > {model.max_tokens}, which is the maximum allowed number of "
            f"output tokens for {model.id}"
        )


def _check_thinking(body: Body, model: ClaudeModel) -> None:
    wanted = body.get("thinking") or {}
    kind = wanted.get("type")
    if kind == "enabled" and not model.budgets:
        raise invalid(
            '"thinking.type.enabled" is not supported for this model. Use '
            '"thinking.type.adaptive" and "output_config.effort" to control thinking behavior.'
        )
    if kind == "adaptive" and not model.adapts:
        raise invalid("adaptive thinking is not supported on this model")
    if kind == "between_tools" and not model.thinks_by_default:
        raise invalid("thinking.type.between_tools is not supported on this model")
    if kind == "enabled" and "max_tokens" in body and body["max_tokens"] <= wanted["budget_tokens"]:
        raise _consult(
            "`max_tokens` must be greater than `thinking.budget_tokens`.",
            "#max-tokens-and-context-window-size",
        )
    forced = (body.get("tool_choice") or {}).get("type") in {"any", "tool"}
    if forced and kind in {"enabled", "adaptive"}:
        raise invalid("Thinking may not be enabled when tool_choice forces tool use.")


def _check_sampling(body: Body, model: ClaudeModel) -> None:
    given = [name for name in _SAMPLING if name in body]
    if given and not model.samples:
        raise invalid(f"`{given[0]}` is deprecated for this model.")
    if "temperature" in body and "top_p" in body:
        raise invalid(
            "`temperature` and `top_p` cannot both be specified for this model. Please use only "
            "one."
        )
    kind = thinking_kind(body, model)
    if kind == "disabled":
        return
    state = "is enabled or in adaptive mode" if kind == "adaptive" else "is enabled"
    where = "#important-considerations-when-using-extended-thinking"
    if body.get("temperature", 1) != 1:
        raise _consult(f"`temperature` may only be set to 1 when thinking {state}.", where)
    if body.get("top_p", 1) < 0.95:  # the API's own limit
        raise _consult(
            "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.",
            where,
        )
    if "top_k" in body:
        raise _consult("`top_k` must be unset when thinking is enabled.", where)


def _consult(message: str, anchor: str) -> Exception:
    page = "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
    return invalid(f"{message} Please consult our documentation at {page}{anchor}")


def _check_tools(body: Body) -> None:
    tools = body.get("tools") or []
    names = [tool.get("name") for tool in tools]
    if len(set(names)) != len(names):
        raise invalid("tools: Tool names must be unique.")
    for index, tool in enumerate(tools):
        if "input_schema" in tool:
            _check_input_schema(f"tools.{index}.custom.input_schema", tool)
    choice = body.get("tool_choice")
    if choice and not tools:
        raise invalid("tool_choice may only be specified while providing tools.")
    if choice and choice["type"] == "tool" and choice["name"] not in names:
        raise invalid(f"Tool '{choice['name']}' not found in provided tools")


def _check_input_schema(where: str, tool: Body) -> None:
    schema = tool["input_schema"]
    if "type" not in schema:
        raise invalid(f"{where}.type: Field required")
    if schema["type"] != "object":
        raise invalid(f"{where}.type: Input should be 'object'")
    check_valid(where, schema)
    if tool.get("strict"):
        check_schema(where, schema)


def _check_format(body: Body, model: ClaudeModel) -> None:
    config = body.get("output_config") or {}
    if config.get("effort") and not model.effort:
        raise invalid("This model does not support the effort parameter.")
    if config.get("format"):
        check_valid("output_config.format.schema", config["format"]["schema"])
        check_schema("output_config.format.schema", config["format"]["schema"])


def _check_cache(body: Body) -> None:
    marked = _marks({name: body.get(name) for name in ("tools", "system", "messages")})
    marked += 1 if body.get("cache_control") else 0
    if marked > 4:  # platform.claude.com, "Prompt caching"
        raise invalid(f"A maximum of 4 blocks with cache_control may be provided. Found {marked}.")


def _marks(value: object) -> int:
    """How many blocks are marked; what is inside a tool's input or schema is not looked at."""
    if isinstance(value, list):
        return sum(_marks(item) for item in value)
    if not isinstance(value, dict):
        return 0
    inner = (part for name, part in value.items() if name not in {"input", "input_schema"})
    return (1 if value.get("cache_control") else 0) + sum(_marks(part) for part in inner)
