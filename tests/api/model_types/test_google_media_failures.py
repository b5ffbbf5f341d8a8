"""What goes wrong at Google beside chat, and clients that leave."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import openai
import pytest

from tests.api.asking import within
from tests.api.model_types.conftest import Stage
from tests.api.stage import PATIENCE_S
from tests.simulators.google_audio.sounds import wav

SOUND = wav(bytes(48_000), rate_hz=24_000)
Ask = Callable[[Any], Any]


class Service(NamedTuple):
    """One operation of one service: where it is, and how it is asked."""

    operation: str
    simulator: str
    ask: Ask


def _edit(client: Any, image: bytes) -> Any:  # noqa: ANN401 - of either SDK client
    return client.images.edit(model="google-gemini-2.5-flash-image", image=image, prompt="blue")


SERVICES: Mapping[str, Service] = {
    "embeddings": Service(
        "embeddings",
        "vertex",
        lambda client: client.embeddings.create(
            model="google-gemini-embedding-2", input=["a text", "another"]
        ),
    ),
    "gemini images": Service(
        "images/generations",
        "vertex",
        lambda client: client.images.generate(
            model="google-gemini-2.5-flash-image", prompt="a pixel"
        ),
    ),
    "imagen": Service(
        "images/generations",
        "vertex",
        lambda client: client.images.generate(
            model="google-imagen-4.0-generate-001", prompt="a pixel"
        ),
    ),
    "edits": Service(
        "images/edits", "vertex", lambda client: _edit(client, b"\x89PNG\r\n\x1a\n0000")
    ),
    "gemini speech": Service(
        "audio/speech",
        "vertex",
        lambda client: client.audio.speech.create(
            model="google-gemini-2.5-flash-tts", voice="Kore", input="hello"
        ),
    ),
    "cloud speech": Service(
        "audio/speech",
        "google-speech",
        lambda client: client.audio.speech.create(
            model="google-chirp3-hd", voice="Kore", input="hello"
        ),
    ),
    "gemini transcripts": Service(
        "audio/transcriptions",
        "vertex",
        lambda client: client.audio.transcriptions.create(
            model="google-gemini-2.5-flash", file=("a.wav", io.BytesIO(SOUND))
        ),
    ),
    "cloud transcripts": Service(
        "audio/transcriptions",
        "google-speech",
        lambda client: client.audio.transcriptions.create(
            model="google-chirp_2", file=("a.wav", io.BytesIO(SOUND))
        ),
    ),
    "gemini translations": Service(
        "audio/translations",
        "vertex",
        lambda client: client.audio.translations.create(
            model="google-gemini-2.5-flash", file=("a.wav", io.BytesIO(SOUND))
        ),
    ),
    "cloud translations": Service(
        "audio/translations",
        "google-speech",
        lambda client: client.audio.translations.create(
            model="google-chirp_2", file=("a.wav", io.BytesIO(SOUND))
        ),
    ),
}
SEEN: list[tuple[int, type[openai.APIStatusError], str | None]] = [
    (400, openai.BadRequestError, None),
    (401, openai.InternalServerError, "upstream_credentials"),
    (404, openai.InternalServerError, "upstream_misconfigured"),
    (429, openai.RateLimitError, "rate_limit_exceeded"),
    (503, openai.InternalServerError, "upstream_error"),
    (504, openai.InternalServerError, "upstream_timeout"),
]
by_service = pytest.mark.parametrize(
    ("operation", "service"),
    [pytest.param(each.operation, each, id=name) for name, each in SERVICES.items()],
)
pytestmark = [
    pytest.mark.conformance(provider="GoogleVertex"),
    pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning"),
]


@pytest.mark.conformance(aspect="errors")
@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: str(seen[0]))
@by_service
def test_each_status(
    client: openai.OpenAI,
    stage: Stage,
    operation: str,  # noqa: ARG001 - for the table of conformance
    service: Service,
    seen: tuple[int, type[openai.APIStatusError], str | None],
) -> None:
    """Each becomes the error of OpenAI's that tells the caller what to do; nothing is charged."""
    status, kind, code = seen
    stage.simulators[service.simulator].fail_next("status", status=status)

    with pytest.raises(kind) as caught:
        service.ask(client)

    assert code is None or caught.value.code == code
    assert isinstance(caught.value.body, dict)
    assert set(caught.value.body) >= {"message", "type", "param", "code"}
    [line] = stage.settled()
    assert (line["outcome"], line["cost_nano"]) == ("refused" if status == 400 else "failed", 0)


@pytest.mark.conformance(aspect="errors")
@pytest.mark.parametrize("fault", ["truncated_json", "html", "null", "empty_body"])
@by_service
def test_an_answer_that_is_none(
    client: openai.OpenAI,
    stage: Stage,
    operation: str,  # noqa: ARG001
    service: Service,
    fault: str,
) -> None:
    """It is a 502, never an empty answer."""
    stage.simulators[service.simulator].fail_next(fault)
    with pytest.raises(openai.InternalServerError) as caught:
        service.ask(client)
    assert caught.value.status_code == 502
    stage.settled()


@pytest.mark.conformance(aspect="cancel")
@pytest.mark.asyncio
@by_service
async def test_leaving(
    async_client: openai.AsyncOpenAI,
    stage: Stage,
    operation: str,  # noqa: ARG001
    service: Service,
) -> None:
    """A client that leaves ends the provider's work; the call is settled as aborted."""
    simulator = stage.simulators[service.simulator]
    simulator.fail_next("hang_before_headers")
    answer: Awaitable[object] = service.ask(async_client)
    asking = asyncio.ensure_future(answer)
    await asyncio.to_thread(within, PATIENCE_S, lambda: bool(simulator.requests))
    asking.cancel()

    record = simulator.requests[0]
    await asyncio.to_thread(record.wait_until_over, PATIENCE_S)
    assert record.disconnected_after_ms is not None
    [line] = await asyncio.to_thread(stage.settled)
    assert (line["outcome"], line["error"]) == ("aborted", None)
