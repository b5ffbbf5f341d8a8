"""Chat completions of every model type: in one piece, in events, with what they used."""

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import able
from tests.simulators.bodies import HELLO

SAID = "Simulated answer to: hello there"
pytestmark = pytest.mark.conformance(operation="chat/completions")


@pytest.mark.conformance(aspect=("plain", "usage"))
@able("plain")
def test_an_answer_in_one_piece(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """It has OpenAI's shape, says what it used, and is settled at that."""
    answer = client.chat.completions.create(model=model, messages=HELLO)

    [choice] = answer.choices
    assert (choice.message.role, choice.message.content) == ("assistant", SAID)
    assert choice.finish_reason == "stop"
    assert not choice.message.tool_calls
    assert answer.object == "chat.completion"
    usage = answer.usage
    assert usage is not None
    assert usage.prompt_tokens > 0
    assert usage.completion_tokens > 0
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    [line] = stage.settled()
    counted = line["usage"]
    assert sum(counted[:3]) + counted[5] == usage.prompt_tokens
    assert counted[3] + counted[4] + counted[6] == usage.completion_tokens
    assert (line["outcome"], counted[-1]) == ("finished", False)
    assert line["cost_nano"] > 0


@pytest.mark.conformance(aspect="stream")
@pytest.mark.parametrize("asks", [True, False])
@able("stream")
def test_an_answer_in_events(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    asks: bool,  # noqa: FBT001
) -> None:
    """One id for all, the role first, one reason at the end, usage once, last, and if asked for."""
    options = {"stream_options": {"include_usage": True}} if asks else {}
    chunks = list(
        client.chat.completions.create(model=model, messages=HELLO, stream=True, **options)  # type: ignore[call-overload]
    )

    spoken = [chunk for chunk in chunks if chunk.choices]  # Azure's filter comes without any
    assert len({chunk.id for chunk in spoken}) == 1
    assert len({chunk.created for chunk in spoken}) == 1
    assert spoken[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in spoken) == SAID
    reasons = [each.choices[0].finish_reason for each in spoken if each.choices[0].finish_reason]
    assert reasons == ["stop"]
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(told) == (1 if asks else 0)
    assert not asks or (chunks[-1].usage and not chunks[-1].choices)
    [line] = stage.settled()
    assert (line["outcome"], line["usage"][-1]) == ("finished", False)
    assert line["usage"][3] > 0


@pytest.mark.conformance(aspect="plain")
@able("plain")
def test_a_conversation_with_instructions(client: openai.OpenAI, model: str) -> None:
    """System, user and assistant in turn, as applications send them."""
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "first"}]},
            {"role": "assistant", "content": "Simulated answer to: first"},
            {"role": "user", "content": "hello there"},
        ],
        temperature=0.5,
        max_completion_tokens=100,
        stop=["never said"],
        user="somebody",
    )

    assert answer.choices[0].message.content == SAID


@pytest.mark.conformance(aspect="plain")
@able("plain")
def test_developers_speak_as_the_system_does(client: openai.OpenAI, model: str) -> None:
    """The newer role is understood everywhere."""
    answer = client.chat.completions.create(
        model=model, messages=[{"role": "developer", "content": "Be brief."}, *HELLO]
    )

    assert answer.choices[0].message.content == SAID
