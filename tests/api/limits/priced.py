"""Documents with prices of every kind."""

from collections.abc import Iterator, Mapping
from typing import Any

from tests.api.limits.stage import counted
from tests.simulators.openai import OpenAISimulator

EVERY = {
    "currency": "USD",
    "cost_input_1Mtokens": 2.5,
    "cost_cached_input_1Mtokens": 0.25,
    "cost_cache_write_1Mtokens": 3.125,
    "cost_audio_input_1Mtokens": 40,
    "cost_image_input_1Mtokens": 5.5,
    "cost_output_1Mtokens": 10.000000007,
    "cost_reasoning_1Mtokens": 12.5,
    "cost_audio_output_1Mtokens": 80,
}
PER_1K = {"currency": "BRL", "input": 0.00015, "output": 0.0006}
TIERS = {
    "currency": "EUR",
    "cost_input_1Mtokens": 1.25,
    "cost_cached_input_1Mtokens": 0.125,
    "cost_output_1Mtokens": 10,
    "tiers": [
        {"above_input_tokens": 2000, "cost_input_1Mtokens": 2.5, "cost_output_1Mtokens": 15},
        {"above_input_tokens": 9000, "cost_cached_input_1Mtokens": 7},
    ],
}
DEAR = {"currency": "USD", "cost_input_1Mtokens": 0.001, "cost_output_1Mtokens": 987654321.1}
MEDIA: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "painter": (
        "images",
        "gpt-image-1",
        {"cost_input_1Mtokens": 5, "cost_image_output_1Mtokens": 40},
    ),
    "old-painter": ("images", "dall-e-2", {"cost_image": 0.019}),
    "voice": ("audio_tts", "tts-1", {"cost_1Mcharacters": 15}),
    "typist": ("audio_stt", "whisper-1", {"cost_audio_second": 0.0001}),
    "listener": (
        "audio_stt",
        "gpt-4o-transcribe",
        {"cost_input_1Mtokens": 2.5, "cost_audio_input_1Mtokens": 6, "cost_output_1Mtokens": 10},
    ),
    "embedder": ("embeddings", "text-embedding-3-small", {"cost_input_1Mtokens": 0.02}),
}


def priced_documents(upstream: OpenAISimulator) -> Iterator[dict[str, Any]]:
    """A model for each way to be priced, and for each kind of what has a price."""
    for code, costs in (("every", EVERY), ("per-1k", PER_1K), ("tiers", TIERS), ("dear", DEAR)):
        yield counted(code, upstream, costs=costs)
    for code, (operation, name, costs) in MEDIA.items():
        for suffix, given in (("", costs), ("-unpriced", {})):
            made = counted(code + suffix, upstream, costs=given, operations=[operation])
            yield made | {"parameters": made["parameters"] | {"model": name}}
    talk = {"cost_input_1Mtokens": 4, "cost_output_1Mtokens": 16}
    for code, name, word, costs in (
        ("talker", "gpt-realtime", "audio_realtime", talk),
        ("instruct", "gpt-3.5-turbo-instruct", "ChatCompletion", PER_1K | {"currency": "USD"}),
    ):
        made = counted(code, upstream, costs=costs, operations=[word])
        yield made | {"parameters": made["parameters"] | {"model": name}}
    yield counted("unpriced", upstream, costs={})
    yield counted("free", upstream, costs={}, free=True)
    yield counted("two", upstream, costs=PER_1K) | {"id": "two-brl"}
    yield counted("two", upstream) | {"id": "two-usd"}
