"""What the desk makes of a request for speech."""

import json
from typing import Any

import pytest

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.speech_request import speech_request


def body(**fields: Any) -> bytes:  # noqa: ANN401
    """A good request but for these fields; None leaves one out."""
    good = {"model": "tts", "input": "Hello there", "voice": "coral"}
    whole = {name: value for name, value in (good | fields).items() if value is not None}
    return json.dumps(whole).encode()


def test_a_good_request() -> None:
    """Nothing is streamed in events unless asked for; the characters are counted."""
    asked = speech_request(body())

    assert (asked.model, asked.stream) == ("tts", False)
    assert asked.counted is not None
    assert asked.counted.characters == len("Hello there")
    assert asked.counted.estimated
    assert asked.max_output_tokens == 8 * len("Hello there")


@pytest.mark.parametrize(
    ("fields", "stream"),
    [
        ({"stream_format": "sse"}, True),
        ({"stream_format": "audio"}, False),
        ({"voice": {"id": "voice_1234"}}, False),
        ({"speed": 0.25}, False),
        ({"speed": 4, "instructions": "", "response_format": "pcm"}, False),
        ({"input": "x" * 4096}, False),
        ({"no_such_field": [1]}, False),
    ],
)
def test_what_passes(fields: dict[str, Any], *, stream: bool) -> None:
    """Everything within OpenAI's bounds, and fields that nobody here knows."""
    assert speech_request(body(**fields)).stream is stream


def test_slow_speech_is_longer() -> None:
    """The bound of what is reserved grows as the speed falls, and does not shrink as it rises."""
    usual, slow, fast = (
        speech_request(body(speed=speed)).max_output_tokens for speed in (1, 0.25, 4)
    )
    assert usual is not None
    assert slow == 4 * usual
    assert fast == usual


@pytest.mark.parametrize(
    ("fields", "param", "code"),
    [
        ({"model": None}, "model", "missing_required_parameter"),
        ({"input": None}, "input", "missing_required_parameter"),
        ({"voice": None}, "voice", "missing_required_parameter"),
        ({"input": ""}, "input", "empty_string"),
        ({"input": "x" * 4097}, "input", "string_above_max_length"),
        ({"input": ["a"]}, "input", "invalid_type"),
        ({"voice": 3}, "voice", "invalid_type"),
        ({"voice": ""}, "voice", "empty_string"),
        ({"voice": {}}, "voice.id", "missing_required_parameter"),
        ({"instructions": "x" * 4097}, "instructions", "string_above_max_length"),
        ({"response_format": "mp4"}, "response_format", "invalid_value"),
        ({"speed": 0.24}, "speed", "decimal_below_min_value"),
        ({"speed": 4.1}, "speed", "decimal_above_max_value"),
        ({"stream_format": "json"}, "stream_format", "invalid_value"),
    ],
)
def test_what_is_refused(fields: dict[str, Any], param: str, code: str) -> None:
    """Each is refused by name, in OpenAI's words."""
    with pytest.raises(InvalidRequest) as refused:
        speech_request(body(**fields))

    assert (refused.value.param, refused.value.code) == (param, code)
