"""What else is relayed: embeddings, and bodies of 1 MB in either direction.

Shapes are OpenAI's: an embedding in base64, as the SDKs ask for it; an image of 1 MB in base64; a
form with an image of 1 MB; speech of 1 MB in chunks.
"""

import json
from dataclasses import dataclass

from bench import payload

MEGABYTE = 1_000_000
BOUNDARY = "bench-5f2d7c9b1e8a4c60b3d7"
SPEECH_PIECE_BYTES = 16_000
EMBED_ONE, EMBED_MANY, IMAGE, EDIT, SPEECH = "embed1", "embed100", "image", "edit", "speech"


@dataclass(frozen=True, slots=True)
class Ask:
    """A request, and how many bytes its answer holds at least."""

    what: str
    path: str
    body: bytes
    least_bytes: int
    content_type: str = "application/json"
    connections: int = 64


def _vector(index: int) -> dict[str, object]:
    return {"object": "embedding", "index": index, "embedding": "q83vEjRWeJA=" * 682}


def embeddings_answer(count: int) -> bytes:
    """Vectors of 1,536 floats, each 8 KB of base64."""
    return json.dumps(
        {
            "object": "list",
            "data": [_vector(index) for index in range(count)],
            "model": payload.MODEL,
            "usage": {"prompt_tokens": 8 * count, "total_tokens": 8 * count},
        }
    ).encode()


IMAGE_ANSWER = json.dumps(
    {
        "created": 1700000000,
        "data": [{"b64_json": "iVBORw0KGgoA" * (MEGABYTE // 12)}],
        "usage": {"input_tokens": 50, "output_tokens": 1056, "total_tokens": 1106},
    }
).encode()
EDIT_ANSWER = b'{"created":1700000000,"data":[{"b64_json":"iVBORw0KGgo="}]}'


def form(file_bytes: int) -> bytes:
    """Make a form as openai-python sends it; the model stands behind the file."""

    def part(name: str, more: str, value: bytes) -> bytes:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        return head.encode() + value + b"\r\n"

    file = part("image", '; filename="a.png"\r\nContent-Type: image/png', bytes(range(250)))
    file = file.replace(bytes(range(250)), bytes(range(250)) * (file_bytes // 250))
    texts = part("prompt", "", b"a hat") + part("model", "", payload.MODEL.encode())
    return file + texts + f"--{BOUNDARY}--\r\n".encode()


def _json(**fields: object) -> bytes:
    return json.dumps({"model": payload.MODEL} | fields, separators=(",", ":")).encode()


_TEXT = "The quick brown fox jumps over the lazy dog."
FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
ASKS = {
    EMBED_ONE: Ask(
        "embedding of one text",
        "embeddings",
        _json(input=_TEXT, encoding_format="base64"),
        len(embeddings_answer(1)),
    ),
    EMBED_MANY: Ask(
        "embeddings of 100 texts",
        "embeddings",
        _json(input=[_TEXT] * 100, encoding_format="base64"),
        len(embeddings_answer(100)),
    ),
    IMAGE: Ask(
        "image of 1 MB, in JSON",
        "images/generations",
        _json(prompt="a hat"),
        len(IMAGE_ANSWER),
        connections=16,
    ),
    EDIT: Ask(
        "upload of 1 MB, a form",
        "images/edits",
        form(MEGABYTE),
        len(EDIT_ANSWER),
        FORM_TYPE,
        connections=16,
    ),
    SPEECH: Ask(
        "speech of 1 MB, streamed",
        "audio/speech",
        _json(input=_TEXT, voice="coral"),
        MEGABYTE,
        connections=16,
    ),
}
