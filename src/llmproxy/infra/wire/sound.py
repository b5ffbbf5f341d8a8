"""How long a recording is, by how it begins and how large it is: an estimate for the ledger."""

import struct

LIKELY_BYTES_PER_SECOND = 8_000
"""64 kbit/s, a common rate of speech as MP3 or AAC; what is not WAV is taken to have it."""
LEAST_BYTES_PER_SECOND = 750
"""6 kbit/s, the lowest rate of Opus (RFC 6716 §2.1.1) and below all others that are in use: no
recording of speech is longer than by this rate."""


def sound_ms(opening: bytes, size: int) -> int:
    """Return about how many milliseconds so many bytes play."""
    rate = _wave_rate(opening)
    return round(size * 1000 / (rate or LIKELY_BYTES_PER_SECOND))


def least_bytes_per_second(opening: bytes) -> int:
    """Return the rate by which a recording is surely not longer."""
    return _wave_rate(opening) or LEAST_BYTES_PER_SECOND


def _wave_rate(opening: bytes) -> int | None:
    """Return the bytes per second that a RIFF header states, None for another kind of file."""
    if opening[:4] != b"RIFF" or opening[8:12] != b"WAVE":
        return None
    at = 12
    while at + 8 <= len(opening):
        kind, length = struct.unpack_from("<4sI", opening, at)
        if kind == b"fmt " and at + 20 <= len(opening):
            rate = int(struct.unpack_from("<I", opening, at + 16)[0])
            return max(rate, LEAST_BYTES_PER_SECOND)
        at += 8 + length + length % 2
    return None
