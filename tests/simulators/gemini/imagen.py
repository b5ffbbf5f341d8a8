"""Imagen: `:predict` with a prompt.

Rules and shapes: Vertex AI's page "Imagen API" (2026), google-genai 3.6.1
(`_GenerateImagesConfig_to_vertex`, `_GeneratedImage_from_vertex`). The phrase "trigger the output
filter" has every picture filtered out, with a reason where `includeRaiReason` asks for it.
"""

import base64
import hashlib
from typing import Any

from tests.simulators.answer import Answer, json_answer
from tests.simulators.gemini.errors import invalid
from tests.simulators.gemini.reading import read
from tests.simulators.gemini.served import FILTERED_PHRASE, Asked
from tests.simulators.operations.images import picture

Json = dict[str, Any]

PARAMETERS = frozenset(
    (
        "addWatermark",
        "aspectRatio",
        "enhancePrompt",
        "guidanceScale",
        "includeRaiReason",
        "includeSafetyAttributes",
        "language",
        "negativePrompt",
        "outputOptions",
        "personGeneration",
        "safetySetting",
        "sampleCount",
        "sampleImageSize",
        "seed",
        "storageUri",
    )
)
RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9")
MIME_TYPES = ("image/png", "image/jpeg")
_REASON = (
    "Unable to show generated images. All images were filtered out because they violated Vertex "
    "AI's usage guidelines. You will not be charged for blocked images."
)
# A grey pixel, after the marker that begins it: tables whose one code is 0, one block of zeros
# (baseline JPEG, ITU-T T.81).
_JPEG = b"".join(
    (
        b"\xff\xdb\x00\x43\x00" + b"\x01" * 64,
        b"\xff\xc0\x00\x0b\x08\x00\x01\x00\x01\x01\x01\x11\x00",
        b"\xff\xc4\x00\x14\x00\x01" + bytes(16),
        b"\xff\xc4\x00\x14\x10\x01" + bytes(16),
        b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x3f\xff\xd9",
    )
)


def predict_images(asked: Asked) -> Answer:
    """Answer with pictures."""
    body = read("PredictRequest", asked.request.body)
    instances, parameters = body.get("instances", []), body.get("parameters") or {}
    if len(instances) != 1:
        raise invalid(f"1 instance(s) is allowed per prediction. Actual: {len(instances)}")
    prompt = instances[0].get("prompt") if isinstance(instances[0], dict) else None
    if not isinstance(prompt, str) or not prompt:
        raise invalid("Image generation failed with the following error: The prompt is empty.")
    kind = _checked(parameters)
    if FILTERED_PHRASE in prompt:
        return json_answer(_filtered(parameters), headers=asked.headers, indent=2)
    predictions = [
        {"mimeType": kind, "bytesBase64Encoded": _drawn(prompt, number, kind)}
        for number in range(parameters.get("sampleCount", 1))
    ]
    return json_answer({"predictions": predictions}, headers=asked.headers, indent=2)


def _checked(parameters: Json) -> str:
    """Checks the parameters; returns the type of the pictures."""
    for name in parameters:
        if name not in PARAMETERS:
            raise invalid(f"{name} is not a supported parameter.")
    count = parameters.get("sampleCount", 1)
    if not isinstance(count, int) or not 1 <= count <= 4:
        raise invalid(f"sampleCount must be between 1 and 4, but got {count}.")
    ratio = parameters.get("aspectRatio", "1:1")
    if ratio not in RATIOS:
        raise invalid(f"Aspect ratio {ratio} is not supported. Use one of {', '.join(RATIOS)}.")
    if "seed" in parameters and parameters.get("addWatermark", True):
        raise invalid("Seed is not supported when watermark is enabled.")
    kind = str(parameters.get("outputOptions", {}).get("mimeType", "image/png"))
    if kind not in MIME_TYPES:
        raise invalid(f"Output MIME type {kind} is not supported.")
    return kind


def _drawn(prompt: str, number: int, kind: str) -> str:
    if kind == "image/png":
        return picture(prompt, number)
    note = hashlib.sha256(f"{prompt}{number}".encode()).digest()  # a comment, so that each differs
    comment = b"\xff\xfe" + (len(note) + 2).to_bytes(2, "big") + note
    return base64.b64encode(b"\xff\xd8" + comment + _JPEG).decode()


def _filtered(parameters: Json) -> Json:
    if not parameters.get("includeRaiReason"):
        return {}
    return {"predictions": [{"raiFilteredReason": _REASON}]}
