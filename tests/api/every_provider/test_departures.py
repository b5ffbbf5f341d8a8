"""Who leaves ends the provider's work, whatever was asked of whichever provider."""

import asyncio
import contextlib

import openai
import pytest

from tests.api.every_provider.conftest import Stage
from tests.api.every_provider.rows import REMOTE, ROWS, SPOKEN, cases
from tests.api.stage import PATIENCE_S

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

AT_PROVIDERS = pytest.mark.parametrize(("operation", "model"), cases(places=REMOTE))
STREAMED = pytest.mark.parametrize(
    ("operation", "model"), cases(lambda row: row.streamed is not None, places=REMOTE)
)
SPEAKERS = [model for _, model in cases(lambda row: row.kind == "speaker", places=REMOTE)]
TALKERS = [model for _, model in cases(lambda row: row is ROWS["responses"], places=REMOTE)]
LONG = "a " * 400_000
"""In events this is far more than sockets hold: Echo waits for a client that does not read."""


@pytest.mark.conformance(aspect="cancel")
@AT_PROVIDERS
@pytest.mark.asyncio
async def test_before_the_answer(
    async_client: openai.AsyncOpenAI, stage: Stage, operation: str, model: str
) -> None:
    """A task that is cancelled while the provider thinks ends the provider's request."""
    stage.upstream(model).fail_next("hang_before_headers")
    asking = asyncio.ensure_future(ROWS[operation].ask(async_client, model))
    record = await stage.asked(model)
    asking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asking

    await asyncio.to_thread(stage.check_left, record)


@pytest.mark.conformance(aspect="cancel")
@STREAMED
def test_in_the_middle_of_the_events(
    client: openai.OpenAI, stage: Stage, operation: str, model: str
) -> None:
    """A stream that is closed after its first event ends the provider's."""
    stage.upstream(model).fail_next("hang_mid_stream", after_events=6)
    stream = ROWS[operation].stream(client, model)
    next(iter(stream))
    stream.close()

    [record] = stage.upstream(model).requests
    stage.check_left(record)


@pytest.mark.conformance(operation="audio/speech", aspect="cancel")
@pytest.mark.parametrize("model", SPEAKERS)
def test_in_the_middle_of_the_sound(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """So does speech of which only the first bytes were wanted."""
    stage.upstream(model).fail_next("hang_mid_stream", after_events=1)
    with client.audio.speech.with_streaming_response.create(
        model=model, input=SPOKEN, voice="coral"
    ) as answer:
        next(answer.iter_bytes(1000))

    [record] = stage.upstream(model).requests
    stage.check_left(record)


@pytest.mark.conformance(operation="responses by id", aspect="cancel")
@pytest.mark.parametrize("model", TALKERS)
def test_in_the_middle_of_a_stored_response(
    client: openai.OpenAI, stage: Stage, model: str
) -> None:
    """A stored response that is read again in events is left as one that is made."""
    made = client.responses.create(model=model, input="hello there", background=True)
    stage.upstream(model).fail_next("hang_mid_stream", after_events=6)
    stream = client.responses.retrieve(made.id, stream=True)
    next(iter(stream))
    stream.close()

    record = stage.upstream(model).requests[-1]
    record.wait_until_over(PATIENCE_S)
    assert record.disconnected_after_ms is not None


@pytest.mark.conformance(provider="Echo", aspect="cancel")
@pytest.mark.parametrize("operation", ["chat/completions", "completions", "responses"])
def test_echo_stops(client: openai.OpenAI, stage: Stage, operation: str) -> None:
    """Echo has nobody to call off: it stops making events itself."""
    row = ROWS[operation]
    [said] = row.fields
    long = [{"role": "user", "content": LONG}] if said == "messages" else LONG
    stream = row.ask(client, f"echo-{row.kind}", **{said: long}, stream=True)
    next(iter(stream))
    stream.close()

    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("aborted", None)
