"""Calls of every kind through a gateway: answered, streamed, retried, refused, kept, limited."""

import io
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.routing.stage import ADMIN_KEY, Stage
from tests.api.routing.stage import staged as serve
from tests.simulators.faults import FaultKind
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

HELLO: Any = [{"role": "user", "content": "Say something."}]
ALONE: dict[str, Any] = {"routing": {"retries": 0}}
FREE: dict[str, Any] = {"costs": {}, "free": True}
LIMITS = {"requests_per_minute": 2, "alert_at_percent": [50, 100]}
MODELS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "broken": ("gpt-4o-mini", "ChatCompletion", ALONE),
    "refuser": ("gpt-4o-mini", "ChatCompletion", ALONE),
    "kept": ("gpt-4o-mini", "ChatCompletion", ALONE | {"cache": True}),
    "limited": ("gpt-4o-mini", "ChatCompletion", ALONE | {"model_limits": LIMITS}),
    "thinker": ("gpt-5-mini", "ChatCompletion", ALONE),
    "embedder": ("text-embedding-3-small", "embeddings", ALONE),
    "painter": ("gpt-image-1", "images", ALONE | FREE),
    "speaker": ("tts-1", "audio_tts", ALONE | FREE),
    "hearer": ("whisper-1", "audio_stt", ALONE | FREE),
}
"""Each before a provider of its own: what it is called there, what it does, and more fields."""
PAIR: dict[str, dict[str, Any]] = {
    "first": {"code": "pair", "priority": 1},
    "azure-second": {"code": "pair", "priority": 2},
}
"""Two deployments of one model."""
CALLS = 3
"""Of each kind."""


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    """Serve all of these."""
    with ExitStack() as stack:
        providers = {name: stack.enter_context(running(OpenAISimulator())) for name in MODELS}
        fields: dict[str, dict[str, Any]] = dict(PAIR)
        for name, (model, operation, more) in MODELS.items():
            account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": providers[name].base_url}
            parameters = {"model": model, **account}
            given = {"code": name, "operations": [operation], "parameters": parameters}
            fields[name] = given | more
        yield stack.enter_context(serve(folder, fields, providers=providers))


def drive(stage: Stage) -> int:
    """Make all of it; return how many calls a limit has refused."""
    with stage.client(timeout=30.0) as client:
        for _ in range(CALLS):
            stage.chat("pair")
            stage.chat("pair", stream=True)
            stage.chat("thinker")
            stage.chat("kept")
            client.embeddings.create(model="embedder", input="some words")
        _fail(stage, client)
        refused = _limited(client)
        _media(client)
    with openai.OpenAI(base_url=stage.gateway.base_url, api_key="sk-unknown", max_retries=0) as who:
        for _ in range(CALLS):
            with pytest.raises(openai.AuthenticationError):
                who.chat.completions.create(model="pair", messages=HELLO)
    return refused


def _fail(stage: Stage, client: openai.OpenAI) -> None:
    """Calls that another deployment answers, that nobody answers, that the provider refuses."""
    stage.providers["first"].fail_next(FaultKind.STATUS, status=500, times=1)
    stage.chat("pair")
    stage.providers["first"].fail_next(FaultKind.CUT_MID_STREAM, times=1)
    with pytest.raises(openai.APIError):
        stage.chat("pair", stream=True)
    stage.providers["broken"].fail_next(FaultKind.STATUS, status=503, times=CALLS)
    stage.providers["refuser"].fail_next(FaultKind.STATUS, status=400, times=CALLS)
    for _ in range(CALLS):
        with pytest.raises(openai.InternalServerError):
            client.chat.completions.create(model="broken", messages=HELLO)
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(model="refuser", messages=HELLO)


def _limited(client: openai.OpenAI) -> int:
    refused = 0
    for _ in range(CALLS + 1):
        try:
            client.chat.completions.create(model="limited", messages=HELLO)
        except openai.RateLimitError:
            refused += 1
    return refused


def _media(client: openai.OpenAI) -> None:
    client.images.generate(model="painter", prompt="a lighthouse", size="1024x1024")
    assert client.audio.speech.create(model="speaker", voice="alloy", input="Hello!").content
    sound = io.BytesIO(b"not really sound" * 100)
    client.audio.transcriptions.create(model="hearer", file=("hello.mp3", sound))


def admin() -> dict[str, str]:
    """The header of an administrator."""
    return {"authorization": f"Bearer {ADMIN_KEY}"}
