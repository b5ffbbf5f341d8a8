"""The recording of a request for a transcript."""

from llmproxy.application.interfaces.call import Upload, UploadedPart
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.google_media.given import Given, read
from llmproxy.infra.providers.translated.chat_request import invalid

TOO_LONG = "audio_too_long"


async def recording(upload: Upload, given: Given, most_bytes: int) -> bytes:
    """Return the bytes of `file`. Raises InvalidRequest for one that is too large, unread."""
    files = [part for part in given.files if part.name == "file"]
    if len(files) != 1 or len(given.files) != 1:
        raise invalid("file", "expected one file")
    return await _within(upload, files[0], most_bytes)


async def _within(upload: Upload, part: UploadedPart, most_bytes: int) -> bytes:
    if part.size > most_bytes:
        raise too_long(f"the file has {part.size} bytes, and this model hears {most_bytes} at once")
    return await read(upload, part)


def too_long(words: str) -> InvalidRequest:
    """Return the refusal of a recording that the model does not hear in one request."""
    hint = "Cut it into pieces, or compress it."
    return invalid("file", words, code=TOO_LONG, hint=hint)


def audio_type(data: bytes) -> str | None:
    """Return the type of a recording by how it begins, None for one that is not known.

    WHATWG's MIME sniffing standard, and RFC 3533 (OGG), RFC 9559 (Matroska, which WebM is), ISO
    14496-12 (`ftyp`), ISO 13818-7 (ADTS).
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    beginnings = (
        (b"ID3", "audio/mp3"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"\x1aE\xdf\xa3", "audio/webm"),
    )
    for beginning, kind in beginnings:
        if data.startswith(beginning):
            return kind
    if data[4:8] == b"ftyp":
        return "audio/mp4"
    if data[:1] == b"\xff" and data[1:2] and data[1] & 0xE0 == 0xE0:
        # The layer is 0 in ADTS, which is otherwise told apart from MPEG audio by nothing.
        return "audio/aac" if data[1] & 0x06 == 0 else "audio/mp3"
    return None
