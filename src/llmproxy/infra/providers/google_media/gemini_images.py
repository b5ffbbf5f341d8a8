"""Images that Gemini's models draw and edit, with `generateContent`.

Vertex AI's page "Generate and edit images with Gemini" (2026) and google-genai 3.6.1
(`types.ImageConfig`): words and images are asked for together; one candidate an answer, so that
`n` images are as many requests; PNG or JPEG; `imageSize` from Gemini 3 on.
"""

import re
from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.generated import (
    Generated,
    Medium,
    generated,
    in_short,
    refused,
)
from llmproxy.infra.providers.google_media.given import Given, given_in_form, given_in_json
from llmproxy.infra.providers.google_media.image_answer import Picture, images_answer
from llmproxy.infra.providers.google_media.image_request import check_image_fields, output_of
from llmproxy.infra.providers.google_media.pictures_given import pictures_in_form, pictures_in_json
from llmproxy.infra.providers.google_media.sizes import GEMINI_RATIOS, size_of
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.providers.translated.translation import Sent, Translated

MAKES = ("image/png", "image/jpeg")
FURTHER = frozenset(("output_compression", "person_generation"))
EDITS = FURTHER | {"images", "mask"}
_GENERATION = re.compile(r"gemini-(\d+)")
_encode = msgspec.json.Encoder().encode


class GeminiImages(GoogleTranslation):
    """One model, at `/v1/images/generations` and `/v1/images/edits`."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.vertex_target("generateContent")
        generation = _GENERATION.search(self.name)
        newer = generation is not None and int(generation[1]) >= 3
        self._resolutions = ("1K", "2K", "4K") if newer else ("1K",)

    @override
    async def request(self, call: Call) -> Sent:
        remarks = self.remarks(call)
        if call.endpoint is Endpoint.IMAGES_EDITS:
            given, pictures = await self._edited(call, remarks)
        else:
            given, pictures = given_in_json(call), []
            check_image_fields(call, given, remarks, FURTHER)
        parts: list[Mapping[str, object]] = [
            {"inlineData": {"mimeType": each.mime_type, "data": each.data}} for each in pictures
        ]
        parts.append({"text": given.text("prompt")})
        asked, config = self._config(given, remarks)
        body = _encode(
            {
                "contents": [{"role": "user", "parts": parts}],
                "generationConfig": {"responseModalities": ["TEXT", "IMAGE"], **config},
            }
        )
        return Sent(
            self._target,
            body,
            tuple(remarks.dropped),
            tuple(remarks.changed),
            context=asked,
            further=(body,) * (call.choices - 1),
        )

    async def _edited(self, call: Call, remarks: Remarks) -> tuple[Given, list[Medium]]:
        """Return what is asked of an edit, and the images that it begins with."""
        if call.upload is None:
            given = given_in_json(call)
            pictures = pictures_in_json(given, remarks)
            check_image_fields(call, given, remarks, EDITS)
        else:
            given = await given_in_form(call.upload)
            check_image_fields(call, given, remarks, EDITS - {"images"})
            pictures = await pictures_in_form(call.upload, given)
        return given, pictures

    def _config(self, given: Given, remarks: Remarks) -> tuple[str | None, dict[str, object]]:
        """Return the type that must come, if one is asked for, and the configuration."""
        size = size_of(given.text("size"), GEMINI_RATIOS, self._resolutions, remarks)
        mime_type, quality = output_of(given, MAKES, remarks)
        output = {"mimeType": mime_type, "compressionQuality": quality}
        image: dict[str, object] = {
            "aspectRatio": size.ratio,
            "imageSize": size.resolution,
            "personGeneration": given.text("person_generation"),
            "imageOutputOptions": _present(output) or None,
        }
        config = _present(image)
        return mime_type, {"imageConfig": config} if config else {}

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        made = [generated(body) for body in bodies]
        pictures = [_picture(each, sent.context) for each in made]
        said = [each.said for each in made if each.usage is not None]
        usage = None
        if len(said) == len(made):
            usage = Usage(images=len(pictures))
            for each in made:
                usage = usage.plus(each.usage or Usage())
        return images_answer(pictures, usage, said)


def _picture(made: Generated, asked: object) -> Picture:
    """Return the last picture: a model that shows drafts ends with what it means."""
    if not made.media:
        if made.cut:
            raise refused("The model reached its limit before an image was made.", "no_image")
        raise refused(
            f"The model made no image. It said: {in_short(made.words) or 'nothing'}", "no_image"
        )
    medium = made.media[-1]
    if asked is not None and medium.mime_type != asked:
        raise Broken(f"The provider made {medium.mime_type} where {asked} was asked for.")
    return Picture(medium)


def _present(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}
