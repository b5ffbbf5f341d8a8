"""Sounds that depend on nothing but the text: a tone whose pitch is the text's digest.

PCM, WAV and G.711 can be played and decoded; MP3, OGG and M4A have a format's first bytes, then a
digest, repeated.
"""

import hashlib
import math
import struct
from collections.abc import Callable, Mapping

SECONDS_PER_CHARACTER = 0.06

_PEAK = 12_000  # of 32767
_SAMPLES_PER_CYCLE = (40, 80)
_BYTES_PER_SECOND = 4000  # MP3 at 32 kbit/s, by google-cloud-texttospeech 2.38 (`AudioEncoding`)
_FORMAT_TAGS: Mapping[str, tuple[int, int]] = {  # mmreg.h: tag and bits of a sample
    "LINEAR16": (1, 16),
    "ALAW": (6, 8),
    "MULAW": (7, 8),
}
_MAGIC: Mapping[str, bytes] = {
    "MP3": b"\xff\xf3\x44\xc4",
    "OGG_OPUS": b"OggS",
    "M4A": b"\x00\x00\x00\x1cftypM4A ",
}


def spoken(text: str, encoding: str, *, rate_hz: int, speed: float = 1.0) -> bytes:
    """The text in this encoding of Google's, with the header that Google gives it."""
    seconds = duration_s(text, speed)
    if encoding in _MAGIC:
        digest = hashlib.sha512(text.encode()).digest()
        return _MAGIC[encoding] + digest * (int(seconds * _BYTES_PER_SECOND) // len(digest) + 1)
    tone = _tone(text, int(seconds * rate_hz))
    if encoding == "PCM":
        return tone
    encode: Callable[[bytes], bytes] = {
        "LINEAR16": bytes,
        "ALAW": lambda pcm: _by_sample(pcm, _alaw),
        "MULAW": lambda pcm: _by_sample(pcm, _mulaw),
    }[encoding]
    tag, bits = _FORMAT_TAGS[encoding]
    return wav(encode(tone), rate_hz=rate_hz, tag=tag, bits=bits)


def duration_s(text: str, speed: float = 1.0) -> float:
    """How long the text sounds."""
    return round(max(len(text), 1) * SECONDS_PER_CHARACTER / speed, 3)


def wav(data: bytes, *, rate_hz: int, tag: int = 1, bits: int = 16, channels: int = 1) -> bytes:
    """Samples behind a WAV header (RIFF, 44 bytes)."""
    frame = channels * bits // 8
    kind = struct.pack("<HHIIHH", tag, channels, rate_hz, rate_hz * frame, frame, bits)
    return (
        b"RIFF"
        + struct.pack("<I", 36 + len(data))
        + b"WAVEfmt "
        + struct.pack("<I", len(kind))
        + kind
        + b"data"
        + struct.pack("<I", len(data))
        + data
    )


def seconds_of_wav(data: bytes) -> float:
    """How long a WAV file sounds. Raises ValueError for a file that is none."""
    bytes_per_second, at = 0, 12
    while at + 8 <= len(data):
        name, (size,) = data[at : at + 4], struct.unpack_from("<I", data, at + 4)
        if name == b"fmt " and size >= 16:
            (bytes_per_second,) = struct.unpack_from("<I", data, at + 16)
        if name == b"data" and bytes_per_second:
            return min(size, len(data) - at - 8) / bytes_per_second
        at += 8 + size + size % 2
    raise ValueError("no sound")


def _tone(text: str, samples: int) -> bytes:
    """One cycle of a sine, repeated."""
    shortest, longest = _SAMPLES_PER_CYCLE
    length = shortest + hashlib.sha256(text.encode()).digest()[0] % (longest - shortest)
    values = [round(_PEAK * math.sin(2 * math.pi * at / length)) for at in range(length)]
    cycle = struct.pack(f"<{length}h", *values)
    return (cycle * (samples // length + 1))[: 2 * samples]


def _by_sample(pcm: bytes, encode: Callable[[int], int]) -> bytes:
    samples = memoryview(pcm).cast("h")
    known = {value: encode(value) for value in set(samples)}
    return bytes(known[value] for value in samples)


def _mulaw(sample: int) -> int:
    """ITU-T G.711, mu-law: 14 bits into 8."""
    sign = 0x80 if sample < 0 else 0
    level = min(abs(sample), 32_635) + 132
    exponent = level.bit_length() - 8
    return ~(sign | exponent << 4 | level >> exponent + 3 & 0x0F) & 0xFF


def _alaw(sample: int) -> int:
    """ITU-T G.711, A-law: 13 bits into 8."""
    sign = 0x80 if sample >= 0 else 0
    level = min(abs(sample), 32_635)
    exponent = max(level.bit_length() - 8, 0)
    mantissa = level >> (exponent + 3 if exponent else 4) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55
