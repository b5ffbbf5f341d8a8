"""Formats of speech: what Google does not make is made here out of samples, with FFmpeg (PyAV).

Samples are 24,000 a second, of 16 bits, in one channel: what Google's models speak, and what
OpenAI's `pcm` is. PyAV's wheels hold the encoders (LAME, Opus, FFmpeg's own AAC and FLAC); it is
imported at the first conversion, and works in a thread, as it lets go of the interpreter's lock.
"""

import asyncio
import io
import struct
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from llmproxy.domain.errors import Broken

if TYPE_CHECKING:
    from av import AudioStream

RATE_HZ: Final = 24_000
BYTES_PER_SAMPLE: Final = 2
MAX_SAMPLE_BYTES: Final = 128 * 1024 * 1024
"""45 minutes; 4,096 characters are read in less than ten."""
AT_ONCE: Final = 2
"""Conversions of one deployment at the same time."""


class Coding(NamedTuple):
    """An encoder, the file format around it, and bits per second where it has a choice.

    `rate_hz` is the rate that the encoder knows, where it is not that of the samples.
    """

    container: str
    encoder: str
    bit_rate: int | None = None
    rate_hz: int = RATE_HZ


CODINGS: Final[Mapping[str, Coding]] = {
    "mp3": Coding("mp3", "libmp3lame", 64_000),
    "opus": Coding("ogg", "libopus", 32_000, 48_000),
    "aac": Coding("adts", "aac", 64_000),
    "flac": Coding("flac", "flac"),
}
CONTENT_TYPES: Final[Mapping[str, bytes]] = {
    "mp3": b"audio/mpeg",
    "opus": b"audio/opus",
    "aac": b"audio/aac",
    "flac": b"audio/flac",
    "wav": b"audio/wav",
    "pcm": b"audio/pcm",
}
"""OpenAI's formats, and what its answers call them."""
_SAMPLES: Final = {"sample_rate": str(RATE_HZ), "ch_layout": "mono"}


class Studio:
    """Converts the samples of one deployment."""

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def made(self, samples: bytes, kind: str) -> bytes:
        """Return the samples as one of OpenAI's formats. Raises Broken."""
        if not samples or len(samples) > MAX_SAMPLE_BYTES:
            raise Broken("The provider's speech is empty, or longer than anybody can say it.")
        if kind == "pcm":
            return samples
        if kind == "wav":
            return wav(samples)
        async with self._turn:
            return await asyncio.to_thread(encoded, samples, CODINGS[kind])


def wav(samples: bytes) -> bytes:
    """Return samples behind a WAV header (RIFF, 44 bytes)."""
    bytes_per_second = RATE_HZ * BYTES_PER_SAMPLE
    kind = struct.pack("<HHIIHH", 1, 1, RATE_HZ, bytes_per_second, BYTES_PER_SAMPLE, 16)
    head = b"WAVEfmt " + struct.pack("<I", len(kind)) + kind + b"data"
    size = struct.pack("<I", len(head) + 4 + len(samples))
    return b"RIFF" + size + head + struct.pack("<I", len(samples)) + samples


def encoded(samples: bytes, coding: Coding) -> bytes:
    """Return the samples as a file. It takes long: call it in a thread."""
    import av  # noqa: PLC0415 - most gateways never convert

    target = io.BytesIO()
    source = io.BytesIO(samples)
    with (
        av.open(target, "w", format=coding.container) as file,
        av.open(source, "r", format="s16le", options=_SAMPLES) as given,
    ):
        made = file.add_stream(coding.encoder, rate=coding.rate_hz, layout="mono")
        stream = cast("AudioStream", made)
        if coding.bit_rate is not None:
            stream.bit_rate = coding.bit_rate
        for frame in given.decode(audio=0):
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()
