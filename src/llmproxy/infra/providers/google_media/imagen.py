"""Images that Imagen makes, with `:predict`, for the projects that still have it.

Vertex AI's page "Imagen API" (2026) and google-genai 3.6.1 `_GenerateImagesConfig_to_vertex`: up to
four images in one request; PNG or JPEG; no tokens are counted. What the filter holds back is
missing in the answer, or stands there with a reason.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.generated import Medium, in_short, refused
from llmproxy.infra.providers.google_media.given import Given, given_in_json
from llmproxy.infra.providers.google_media.image_answer import Picture, images_answer
from llmproxy.infra.providers.google_media.image_request import check_image_fields, output_of
from llmproxy.infra.providers.google_media.sizes import IMAGEN_RATIOS, size_of
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.providers.translated.translation import Sent, Translated
from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_IMAGES = 4
MAKES = ("image/png", "image/jpeg")
NATIVE: Mapping[str, str] = {
    "negative_prompt": "negativePrompt",
    "person_generation": "personGeneration",
    "safety_setting": "safetySetting",
    "enhance_prompt": "enhancePrompt",
    "add_watermark": "addWatermark",
    "guidance_scale": "guidanceScale",
    "language": "language",
    "seed": "seed",
}
"""Google's own words, taken beside OpenAI's."""
FURTHER = frozenset((*NATIVE, "output_compression"))
_encode = msgspec.json.Encoder().encode


class _Prediction(msgspec.Struct, rename="camel"):
    mime_type: str | None = None
    bytes_base64_encoded: str | None = msgspec.field(default=None, name="bytesBase64Encoded")
    rai_filtered_reason: str | None = None
    prompt: str | None = None


class _Predicted(msgspec.Struct):
    predictions: list[_Prediction] | None = None


_decode = msgspec.json.Decoder(_Predicted).decode


class Imagen(GoogleTranslation):
    """One model."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.vertex_target("predict")
        self._resolutions = () if "fast" in self.name else ("1K", "2K")

    @override
    async def request(self, call: Call) -> Sent:
        remarks = self.remarks(call)
        given = given_in_json(call)
        check_image_fields(call, given, remarks, FURTHER)
        parameters = self._parameters(given, remarks)
        counts = [MAX_IMAGES] * (call.choices // MAX_IMAGES)
        if call.choices % MAX_IMAGES:
            counts.append(call.choices % MAX_IMAGES)
        instances = [{"prompt": given.text("prompt")}]
        body, *further = [
            _encode({"instances": instances, "parameters": {"sampleCount": count, **parameters}})
            for count in counts
        ]
        names = tuple(remarks.dropped), tuple(remarks.changed)
        return Sent(self._target, body, *names, further=tuple(further))

    def _parameters(self, given: Given, remarks: Remarks) -> dict[str, Any]:
        size = size_of(given.text("size"), IMAGEN_RATIOS, self._resolutions, remarks)
        mime_type, quality = output_of(given, MAKES, remarks)
        output = {"mimeType": mime_type, "compressionQuality": quality}
        options = {name: value for name, value in output.items() if value is not None}
        parameters = {
            "aspectRatio": size.ratio,
            "sampleImageSize": size.resolution,
            "outputOptions": options or None,
            "includeRaiReason": True,
            **{theirs: given.values.get(name) for name, theirs in NATIVE.items()},
        }
        return {name: value for name, value in parameters.items() if value is not None}

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        pictures: list[Picture] = []
        reasons: list[str] = []
        for body in bodies:
            for each in _predictions(body):
                if each.bytes_base64_encoded:
                    medium = Medium(each.mime_type or "image/png", each.bytes_base64_encoded)
                    pictures.append(Picture(medium, each.prompt))
                elif each.rai_filtered_reason:
                    reasons.append(each.rai_filtered_reason)
        if not pictures:
            why = in_short(reasons[0]) if reasons else "No reason is given."
            words = f"The provider's filter held all images back. {why}"
            raise refused(words, "content_filter")
        return images_answer(pictures, Usage(images=len(pictures)))


def _predictions(body: bytes) -> list[_Prediction]:
    """Return what was made; an answer without predictions is one whose images were filtered."""
    try:
        return _decode(body).predictions or []
    except UNREADABLE as error:
        made = Broken("The provider's images cannot be read.", detail=str(error))
        raise made from error
