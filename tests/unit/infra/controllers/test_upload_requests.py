"""What the desk makes of forms."""

import struct

import pytest

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.upload_requests import (
    EDITS,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    VARIATIONS,
    Desk,
    Sent,
)
from llmproxy.infra.wire.multipart import FormReader

WAVE = b"RIFF\0\0\0\0WAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16) + b"data"


def asked(desk: Desk, files: dict[str, bytes], **texts: str) -> Sent:
    """What this desk makes of a form with these files and texts."""
    parts = [
        f'--b\r\ncontent-disposition: form-data; name="{name}"; filename="f"\r\n\r\n'.encode()
        + value
        for name, value in files.items()
    ]
    parts += [
        f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}'.encode()
        for name, value in texts.items()
    ]
    reader = FormReader(b"b", desk.fields.keys())
    reader.feed(b"\r\n".join([*parts, b"--b--\r\n"]))
    return desk.read(reader.form)


def test_a_transcription() -> None:
    """Its length is estimated by its bytes, and bounded by the lowest rate there is."""
    sent = asked(TRANSCRIPTIONS, {"file": b"x" * 24_000}, model="m", stream="True", temperature="0")

    assert (sent.asked.model, sent.asked.stream) == ("m", True)
    assert sent.asked.body.value("model") == b'"m"'
    assert sent.asked.counted is not None
    assert sent.asked.counted.audio_ms == 3000
    assert sent.asked.counted.audio_input_tokens == 50
    assert sent.file_tokens == 534


def test_a_wave_file() -> None:
    """Its own header says how long it is."""
    sent = asked(TRANSLATIONS, {"file": WAVE + bytes(64_000 - len(WAVE))}, model="m")

    assert sent.asked.counted is not None
    assert sent.asked.counted.audio_ms == 2000
    assert sent.file_tokens == 34


def test_an_edit() -> None:
    """Images are counted; the model may be left out."""
    sent = asked(
        EDITS,
        {"image[]": b"a", "mask": b"b"},
        prompt="p",
        n="2",
        stream="false",
        partial_images="3",
    )

    assert (sent.asked.model, sent.asked.stream, sent.asked.choices) == ("", False, 2)
    assert sent.asked.max_output_tokens == 16_384 + 300
    assert sent.file_tokens == 2 * 8192


@pytest.mark.parametrize(
    ("desk", "files", "texts", "param", "code"),
    [
        (TRANSCRIPTIONS, {"file": b"x"}, {}, "model", "missing_required_parameter"),
        (TRANSCRIPTIONS, {"file": b"x"}, {"model": ""}, "model", "empty_string"),
        (TRANSCRIPTIONS, {}, {"model": "m"}, "file", "missing_required_parameter"),
        (TRANSCRIPTIONS, {}, {"model": "m", "file": "x"}, "file", "invalid_type"),
        (
            TRANSCRIPTIONS,
            {"file": b"x"},
            {"model": "m", "stream": "maybe"},
            "stream",
            "invalid_type",
        ),
        (
            TRANSLATIONS,
            {"file": b"x"},
            {"model": "m", "temperature": "warm"},
            "temperature",
            "invalid_type",
        ),
        (
            TRANSLATIONS,
            {"file": b"x"},
            {"model": "m", "temperature": "1.5"},
            "temperature",
            "decimal_above_max_value",
        ),
        (EDITS, {"image": b"x"}, {}, "prompt", "missing_required_parameter"),
        (EDITS, {"mask": b"x"}, {"prompt": "p"}, "image", "missing_required_parameter"),
        (EDITS, {"image": b"x"}, {"prompt": "p", "n": "0"}, "n", "integer_below_min_value"),
        (EDITS, {"image": b"x"}, {"prompt": "p", "n": "1.5"}, "n", "invalid_type"),
        (
            EDITS,
            {"image": b"x"},
            {"prompt": "p" * 32_001},
            "prompt",
            "string_above_max_length",
        ),
        (VARIATIONS, {}, {}, "image", "missing_required_parameter"),
        (VARIATIONS, {"image": b"x"}, {"n": "11"}, "n", "integer_above_max_value"),
    ],
)
def test_what_is_refused(
    desk: Desk, files: dict[str, bytes], texts: dict[str, str], param: str, code: str
) -> None:
    """Each is refused by name, in OpenAI's words."""
    with pytest.raises(InvalidRequest) as refused:
        asked(desk, files, **texts)

    assert (refused.value.param, refused.value.code) == (param, code)
