"""Over several turns: what a model thought and signed comes back to it, and to no other."""

import asyncio
import json

from llmproxy.application.interfaces.upstream import Reply
from tests.unit.infra.providers.responses_over_chat.chatting import Chatting, Json, says

QUESTION = {"role": "user", "content": "x"}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "42"}
BLOCKS = [
    {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    {"type": "redacted_thinking", "data": "eA=="},
]
SIGNATURE = {"google": {"thought_signature": "Zw=="}}
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def _two_turns(answer: Json, *further: Json, second: str = "mini") -> tuple[Json, Reply]:
    """What `second` is asked with the output of `mini` before it, and the reply."""
    chatting = Chatting()
    first = json.loads(chatting.whole({"model": "mini", "input": [QUESTION]}, answer).body)
    call = chatting.call({"model": second, "input": [QUESTION, *first["output"], *further]})
    call.model = second
    chatting.whole({"model": "mini", "input": "x"}, says("x"))
    reply = asyncio.run(chatting.over.answer(call))
    return chatting.asked, reply


def _transformed(reply: Reply) -> list[str]:
    response = json.loads(reply.body)
    return [each["reason"] for each in response.get("input_transformations", [])]


def test_signed_thoughts_come_back() -> None:
    """Blocks, texts and the signatures of calls, in one message as they came."""
    call = CALL | {"extra_content": SIGNATURE}
    answer = says("One.", tool_calls=[call], thinking_blocks=BLOCKS, reasoning_content="Hm.")
    asked, reply = _two_turns(answer, RESULT)
    assert asked["messages"][1:] == [
        {
            "role": "assistant",
            "content": "One.",
            "tool_calls": [call],
            "thinking_blocks": BLOCKS,
            "reasoning_content": "Hm.",
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "42"},
    ]
    assert _transformed(reply) == []


def test_signed_calls_come_back_without_fields_of_ours() -> None:
    """A client that knows OpenAI's fields only keeps reasoning items."""
    chatting = Chatting()
    answer = says("One.", tool_calls=[CALL | {"extra_content": SIGNATURE}])
    first = json.loads(chatting.whole({"model": "mini", "input": [QUESTION]}, answer).body)
    assert [item["type"] for item in first["output"]] == ["message", "reasoning", "function_call"]
    known = [{n: v for n, v in item.items() if n != "extra_content"} for item in first["output"]]
    chatting.whole({"model": "mini", "input": [QUESTION, *known, RESULT]}, says("x"))
    [call] = chatting.asked["messages"][1]["tool_calls"]
    assert call == CALL | {"extra_content": SIGNATURE}


def test_a_signed_text_comes_back() -> None:
    """A signature that belongs to the whole message."""
    asked, _ = _two_turns(says("One.", extra_content=SIGNATURE), QUESTION)
    assert asked["messages"][1] == {
        "role": "assistant",
        "content": "One.",
        "extra_content": SIGNATURE,
    }


def test_a_signature_without_a_text_comes_back() -> None:
    """Behind calls there is no text to put it at."""
    asked, _ = _two_turns(says("", tool_calls=[CALL], extra_content=SIGNATURE), RESULT)
    assert asked["messages"][1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [CALL],
        "extra_content": SIGNATURE,
    }


def test_thoughts_of_a_turn_that_is_over_stay_behind() -> None:
    """Unsigned ones, as with OpenAI, and the response says so; signed ones go with their turn."""
    asked, reply = _two_turns(says("One.", reasoning_content="Hm."), QUESTION)
    assert asked["messages"][1] == {"role": "assistant", "content": "One."}
    assert _transformed(reply) == ["turn_boundary"]
    signed = says("One.", reasoning_content="Hm.", thinking_blocks=BLOCKS)
    asked, reply = _two_turns(signed, QUESTION)
    assert asked["messages"][1]["thinking_blocks"] == BLOCKS
    assert _transformed(reply) == []


def test_thoughts_of_another_model_stay_behind() -> None:
    """It could not read them; response and header say which were withheld."""
    signed = says("One.", reasoning_content="Hm.", thinking_blocks=BLOCKS)
    asked, reply = _two_turns(signed, QUESTION, second="other")
    assert asked["messages"][1] == {"role": "assistant", "content": "One."}
    assert _transformed(reply) == ["model_mismatch"]
    assert reply.headers[-1] == b"x-llmproxy-dropped: input[1]"


def test_another_vendors_items_are_no_failure() -> None:
    """A conversation that began at OpenAI goes on here, without what only OpenAI can read."""
    for content in ("gAAAAABo", "e30=", "bm9uc2Vuc2U=", "%", "é"):
        chatting = Chatting()
        item = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": content}
        asked = {"model": "mini", "input": [QUESTION, item, {"role": "assistant", "content": "A"}]}
        reply = chatting.whole(asked, says("x"))
        assert chatting.asked["messages"][1:] == [{"role": "assistant", "content": "A"}]
        assert _transformed(reply) == ["model_mismatch"]


def test_reasoning_that_led_to_nothing_is_left_out() -> None:
    """A turn that was cut while the model thought says nothing."""
    chatting = Chatting()
    cut = {"choices": [{"message": {"reasoning_content": "H"}, "finish_reason": "length"}]}
    first = json.loads(chatting.whole({"model": "mini", "input": "x"}, cut).body)
    assert [each["type"] for each in first["output"]] == ["reasoning"]
    asked = {"model": "mini", "input": [QUESTION, *first["output"], QUESTION]}
    reply = chatting.whole(asked, says("x"))
    assert chatting.asked["messages"] == [QUESTION, QUESTION]
    assert _transformed(reply) == ["turn_boundary"]


def test_calls_before_a_text_stay_one_message() -> None:
    """What answers calls must follow the message that made them."""
    chatting = Chatting()
    call = {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"}
    said = [{"role": "assistant", "content": text} for text in ("A", "B")]
    chatting.whole(
        {"model": "mini", "input": [QUESTION, said[0], call, said[1], RESULT]}, says("x")
    )
    parts = [{"type": "text", "text": text} for text in ("A", "B")]
    assert [each["role"] for each in chatting.asked["messages"]] == ["user", "assistant", "tool"]
    assert chatting.asked["messages"][1]["content"] == parts
