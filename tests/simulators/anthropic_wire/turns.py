"""The order of the messages: who speaks, which blocks stand where, and what answers what.

Neighbours of one role are one turn (platform.claude.com, Messages: "Consecutive `user` or
`assistant` turns in your request will be combined into a single turn").
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.anthropic_wire.blocks import ALL_BLOCKS, ASSISTANT_BLOCKS, TEXT, USER_BLOCKS
from tests.simulators.anthropic_wire.errors import invalid
from tests.simulators.anthropic_wire.models import ClaudeModel
from tests.simulators.anthropic_wire.shapes import (
    Check,
    items,
    one_of,
    record,
    tagged,
    text,
    text_or,
)
from tests.simulators.anthropic_wire.signatures import fits, is_genuine

Body = dict[str, Any]

_THOUGHTS = frozenset({"thinking", "redacted_thinking"})
_ROLES: Mapping[str, Mapping[str, Check]] = {
    "user": USER_BLOCKS,
    "assistant": ASSISTANT_BLOCKS,
    "system": {"text": TEXT},
}


@dataclass(slots=True)
class Turn:
    """Neighbouring messages of one role: every block with its place."""

    role: str
    index: int
    blocks: list[tuple[str, Body]] = field(default_factory=list)

    def of(self, *kinds: str) -> list[tuple[str, Body]]:
        """The blocks of these types, with their places."""
        return [(where, block) for where, block in self.blocks if block["type"] in kinds]


def turns_of(body: Body) -> list[Turn]:
    """The turns of a body whose messages have the right shape."""
    turns: list[Turn] = []
    for index, message in enumerate(body["messages"]):
        if not turns or turns[-1].role != message["role"]:
            turns.append(Turn(message["role"], index))
        turns[-1].blocks.extend(
            (f"messages.{index}.content.{number}", block)
            for number, block in enumerate(blocks_of(message["content"]))
        )
    return turns


def blocks_of(content: str | list[Body]) -> list[Body]:
    """The blocks of a content; a string is one block of text, an empty one is none."""
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return content


def answers_tools(body: Body) -> bool:
    """Whether the last turn brings results of tools."""
    last = turns_of(body)[-1]
    return last.role == "user" and bool(last.of("tool_result"))


def check_messages(body: Body, model: ClaudeModel, *, latest: bool) -> None:
    """Everything about the messages. `latest`: of API version 2026-10-21."""
    if not body["messages"]:
        raise invalid("messages: at least one message is required")
    for index, message in enumerate(body["messages"]):
        _check_message(index, message, model, latest=latest)
    _check_texts(body)
    turns = turns_of(body)
    if turns[0].role != "user":
        raise invalid('messages: first message must use the "user" role')
    _check_results(turns)
    _check_thoughts(body, turns)
    _check_prefill(turns, model)


def _check_message(index: int, message: Body, model: ClaudeModel, *, latest: bool) -> None:
    where = f"messages.{index}"
    fields = {
        "role": one_of(*_ROLES),
        "content": text_or(items(tagged(ALL_BLOCKS))),
    }
    record(fields, "role", "content")(where, message)
    role = message["role"]
    if role == "system" and not model.system_turns:
        raise invalid("role 'system' is not supported on this model")
    if isinstance(message["content"], str):
        text(f"{where}.content", message["content"])
        return
    allowed = set(_ROLES[role]) - ({"document"} if latest and role == "assistant" else set())
    for number, block in enumerate(message["content"]):
        kind, place = block["type"], f"{where}.content.{number}"
        if kind not in allowed:
            rightful = [name for name in _ROLES if kind in _ROLES[name] and name != role]
            raise invalid(f"{place}: `{kind}` blocks can only be in `{rightful[0]}` messages")
        if latest and role == "user" and kind == "text" and block.get("citations"):
            raise invalid(f"{place}.text.citations: Input should be an empty list")


def _check_texts(body: Body) -> None:
    for name in ("system", "messages"):
        for block in _texts(body, name):
            if not block["text"]:
                raise invalid(f"{name}: text content blocks must be non-empty")
            if not block["text"].strip():
                raise invalid(f"{name}: text content blocks must contain non-whitespace text")
    last = len(body["messages"]) - 1
    for index, message in enumerate(body["messages"]):
        if not message["content"] and not (index == last and message["role"] == "assistant"):
            raise invalid(
                f"messages.{index}: all messages must have non-empty content except for the "
                "optional final assistant message"
            )


def _texts(body: Body, name: str) -> Iterator[Body]:
    if name == "system":
        yield from blocks_of(body.get("system") or [])
        return
    for message in body["messages"]:
        for block in blocks_of(message["content"]):
            if block["type"] == "text":
                yield block


def _check_results(turns: list[Turn]) -> None:
    """Every use of a tool is answered at the head of the next turn, and nothing else is."""
    seen: set[str] = set()
    for at, turn in enumerate(turns):
        for where, block in turn.of("tool_use"):
            if block["id"] in seen:
                raise invalid(f"{where}: `tool_use` ids must be unique")
            seen.add(block["id"])
        if turn.role == "user":
            _check_asked(turn, turns[at - 1] if at else None)
        if turn.role == "assistant" and turn.of("tool_use"):
            _check_answered(turn, turns[at + 1] if at + 1 < len(turns) else None)


def _check_asked(turn: Turn, before: Turn | None) -> None:
    asked = {block["id"] for _, block in before.of("tool_use")} if before else set()
    given: set[str] = set()
    for where, block in turn.of("tool_result"):
        name = block["tool_use_id"]
        if name not in asked:
            raise invalid(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {name}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous "
                "message."
            )
        if name in given:
            raise invalid(
                f"{where}: each tool_use must have a single result. Found multiple `tool_result` "
                f"blocks with id: {name}"
            )
        given.add(name)


def _check_answered(turn: Turn, after: Turn | None) -> None:
    head: set[str] = set()
    for _, block in after.blocks if after and after.role == "user" else []:
        if block["type"] != "tool_result":
            break
        head.add(block["tool_use_id"])
    missing = [block["id"] for _, block in turn.of("tool_use") if block["id"] not in head]
    if missing:
        raise invalid(
            f"messages.{turn.index}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
            "corresponding `tool_result` block in the next message."
        )


def _check_thoughts(body: Body, turns: list[Turn]) -> None:
    """Thinking is what a simulator thought, and stands where it must while thinking is enabled."""
    spoken = [turn for turn in turns if turn.role == "assistant"]
    for turn in spoken:
        for where, block in turn.of(*_THOUGHTS):
            _check_thought(where, block, latest=turn is spoken[-1])
    if (body.get("thinking") or {}).get("type") != "enabled" or not spoken:
        return
    opening = _opening_of_last_loop(turns)
    if opening is None or not opening.blocks:
        return
    where, first = opening.blocks[0]
    if first["type"] not in _THOUGHTS:
        raise invalid(
            f"{where}.type: Expected `thinking` or `redacted_thinking`, but found "
            f"`{first['type']}`. When `thinking` is enabled, a final `assistant` message must "
            "start with a thinking block (preceeding the lastmost set of `tool_use` and "
            "`tool_result` blocks). We recommend you include thinking blocks from previous turns. "
            "To avoid this requirement, disable `thinking`. Please consult our documentation at "
            "https://docs.claude.com/en/docs/build-with-claude/extended-thinking"
        )


def _check_thought(where: str, block: Body, *, latest: bool) -> None:
    kind = block["type"]
    name = "signature" if kind == "thinking" else "data"
    if not is_genuine(block[name]):
        raise invalid(f"{where}: Invalid `{name}` in `{kind}` block")
    if latest and kind == "thinking" and not fits(block["signature"], block["thinking"]):
        raise invalid(
            f"{where}: `thinking` or `redacted_thinking` blocks in the latest assistant message "
            "cannot be modified. These blocks must remain as they were in the original response."
        )


def _opening_of_last_loop(turns: list[Turn]) -> Turn | None:
    """The assistant's first turn since the user last spoke by more than results of tools; None
    when the user just has.
    """
    opening = None
    for turn in reversed(turns):
        if turn.role == "assistant":
            opening = turn
        elif turn.role == "user" and not turn.of("tool_result"):
            break
    return opening


def _check_prefill(turns: list[Turn], model: ClaudeModel) -> None:
    last = turns[-1]
    if last.role != "assistant":
        return
    if not model.prefills:
        raise invalid(
            "This model does not support assistant message prefill. The conversation must end with "
            "a user message."
        )
    if last.blocks and last.blocks[-1][1].get("text", "").endswith((" ", "\n", "\t")):
        raise invalid("messages: final assistant content cannot end with trailing whitespace")
