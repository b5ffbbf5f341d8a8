"""Parts of usage that only some answers have: what is kept for long, cached sound and images."""

from typing import Any

import msgspec

from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.claude.usage import WireUsage as ClaudeUsage
from llmproxy.infra.providers.claude.usage import usage_of as claude_usage
from llmproxy.infra.providers.long_tail.counts import counted
from llmproxy.infra.providers.openai_wire.usage import (
    WireUsage,
    heard_from,
    spoken_from,
    usage_from,
)


def read_openai(usage: dict[str, Any]) -> Usage | None:
    return usage_from(msgspec.convert(usage, WireUsage))


def test_what_is_kept_for_an_hour() -> None:
    """Anthropic's first event tells how long; the last one's totals stand (message_delta)."""
    started = {
        "input_tokens": 3,
        "output_tokens": 1,
        "cache_creation_input_tokens": 90,
        "cache_creation": {"ephemeral_1h_input_tokens": 40, "ephemeral_5m_input_tokens": 50},
    }
    first = msgspec.convert(started, ClaudeUsage)
    last = msgspec.convert({"output_tokens": 20, "cache_creation_input_tokens": 90}, ClaudeUsage)

    usage = claude_usage(last, first)

    assert usage == Usage(
        input_tokens=3, cache_write_tokens=50, cache_write_1h_tokens=40, output_tokens=20
    )


def test_cached_sound_and_images_of_a_conversation() -> None:
    """Realtime counts what it read from a cache in both places (RealtimeResponseUsage)."""
    usage = read_openai(
        {
            "total_tokens": 253,
            "input_tokens": 132,
            "output_tokens": 121,
            "input_token_details": {
                "text_tokens": 60,
                "audio_tokens": 42,
                "image_tokens": 30,
                "cached_tokens": 64,
                "cached_tokens_details": {
                    "text_tokens": 30, "audio_tokens": 24, "image_tokens": 10
                },
            },
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91},
        }
    )  # fmt: skip

    assert usage == Usage(
        input_tokens=30,
        cache_read_tokens=64,
        audio_input_tokens=18,
        image_input_tokens=20,
        output_tokens=30,
        audio_output_tokens=91,
    )


def test_what_openai_keeps_for_half_a_day() -> None:
    """Writes of 12 hours are told apart (ResponseUsage)."""
    usage = read_openai(
        {
            "input_tokens": 100,
            "output_tokens": 5,
            "input_tokens_details": {
                "cached_tokens": 0,
                "cache_write_tokens": 80,
                "cache_write_tokens_details": {"ttl_12h_tokens": 30, "ttl_30m_tokens": 50},
            },
        }
    )

    assert usage == Usage(
        input_tokens=20, cache_write_tokens=50, cache_write_1h_tokens=30, output_tokens=5
    )


def test_litellm_tells_what_is_kept_for_an_hour() -> None:
    """Bedrock's writes reach us in LiteLLM's words."""
    usage = counted(
        {
            "prompt_tokens": 100,
            "completion_tokens": 5,
            "prompt_tokens_details": {
                "cached_tokens": 10,
                "cache_creation_tokens": 80,
                "cache_creation_token_details": {"ephemeral_1h_input_tokens": 30},
                "image_tokens": 4,
            },
            "completion_tokens_details": {"image_tokens": 2},
        }
    )

    assert usage == Usage(
        input_tokens=6,
        cache_read_tokens=10,
        cache_write_tokens=50,
        cache_write_1h_tokens=30,
        image_input_tokens=4,
        output_tokens=3,
        image_output_tokens=2,
    )


def test_speech_and_transcripts_are_sound() -> None:
    """Neither of them always tells the kinds of its tokens apart."""
    told = WireUsage(input_tokens=10, output_tokens=50)

    assert spoken_from(told) == Usage(input_tokens=10, audio_output_tokens=50)
    assert heard_from(told) == Usage(audio_input_tokens=10, output_tokens=50)
    assert heard_from(WireUsage(seconds=2.5)) == Usage(audio_ms=2500)
    assert heard_from(WireUsage()) is None
    assert spoken_from(WireUsage()) is None
