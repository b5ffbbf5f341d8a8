"""A client that leaves ends the provider's work, whatever the model type."""

import asyncio

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import KINDS, able
from tests.api.stage import PATIENCE_S
from tests.simulators.bodies import HELLO

pytestmark = [pytest.mark.conformance(aspect="cancel"), pytest.mark.asyncio]
CHATTERS = [name for name, kind in KINDS.items() if not kind.answers]


@pytest.mark.conformance(operation="chat/completions")
@able("cancel")
async def test_leaving_an_answer_in_one_piece(
    async_client: openai.AsyncOpenAI, stage: Stage, model: str
) -> None:
    """The provider sees its client leave; the call is settled as aborted."""
    stage.upstream(model).fail_next("hang_before_headers")
    asking = asyncio.ensure_future(
        async_client.chat.completions.create(model=model, messages=HELLO)
    )
    record = await stage.asked(model)
    asking.cancel()

    await asyncio.to_thread(record.wait_until_over, PATIENCE_S)
    assert record.disconnected_after_ms is not None
    [line] = await asyncio.to_thread(stage.settled)
    assert (line["outcome"], line["error"]) == ("aborted", None)


@pytest.mark.conformance(operation="chat/completions")
@able("cancel")
async def test_leaving_a_stream(async_client: openai.AsyncOpenAI, stage: Stage, model: str) -> None:
    """So it is in the middle of a stream."""
    stage.upstream(model).fail_next("hang_mid_stream", after_events=6)
    stream = await async_client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "count to 50"}], stream=True
    )
    async for chunk in stream:
        if chunk.choices and chunk.choices[0].delta.content:
            break
    await stream.close()

    record = await stage.asked(model)
    await asyncio.to_thread(record.wait_until_over, PATIENCE_S)
    assert record.disconnected_after_ms is not None
    [line] = await asyncio.to_thread(stage.settled)
    assert (line["outcome"], line["usage"][-1]) == ("aborted", True)


@pytest.mark.conformance(operation="responses")
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", CHATTERS)
async def test_leaving_a_response(
    async_client: openai.AsyncOpenAI,
    stage: Stage,
    model: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """A response that is made of a chat ends with it."""
    stage.upstream(model).fail_next("hang_before_headers")
    asking = asyncio.ensure_future(
        async_client.responses.create(model=model, input="hello there", stream=stream)
    )
    record = await stage.asked(model)
    asking.cancel()

    await asyncio.to_thread(record.wait_until_over, PATIENCE_S)
    assert record.disconnected_after_ms is not None
    [line] = await asyncio.to_thread(stage.settled)
    assert (line["outcome"], line["error"]) == ("aborted", None)
