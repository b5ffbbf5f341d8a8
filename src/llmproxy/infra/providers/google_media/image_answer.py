"""Pictures as OpenAI's images (openai-python 3.57.0 `types/images_response.py`)."""

import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.gemini.usage import Modality, UsageMetadata
from llmproxy.infra.providers.google_media.generated import Medium
from llmproxy.infra.providers.google_media.image_request import FORMATS
from llmproxy.infra.providers.translated.translation import Translated

_encode = msgspec.json.Encoder().encode


class Picture(NamedTuple):
    """A picture, with the prompt as the model rewrote it where it says so."""

    medium: Medium
    revised_prompt: str | None = None


def images_answer(
    pictures: Sequence[Picture], usage: Usage | None, said: Sequence[UsageMetadata] = ()
) -> Translated:
    """Return the answer; `said` is what the provider reported of tokens, per request."""
    answer: dict[str, object] = {
        "created": int(time.time()),  # noqa: TID251 - a field of the answer
        "data": [_datum(picture) for picture in pictures],
    }
    kinds = {FORMATS.get(picture.medium.mime_type) for picture in pictures}
    if len(kinds) == 1 and None not in kinds:
        answer["output_format"] = kinds.pop()
    if usage is not None and said:
        answer["usage"] = _wire_usage(usage, said)
    return Translated(_encode(answer), usage)


def _datum(picture: Picture) -> dict[str, object]:
    datum: dict[str, object] = {"b64_json": picture.medium.data}
    if picture.revised_prompt is not None:
        datum["revised_prompt"] = picture.revised_prompt
    return datum


def _wire_usage(usage: Usage, said: Sequence[UsageMetadata]) -> dict[str, object]:
    into, out = usage.total_input_tokens, usage.total_output_tokens
    shown_in = min(sum(_images(each.prompt_tokens_details) for each in said), into)
    shown_out = min(sum(_images(each.candidates_tokens_details) for each in said), out)
    return {
        "input_tokens": into,
        "output_tokens": out,
        "total_tokens": into + out,
        "input_tokens_details": {"text_tokens": into - shown_in, "image_tokens": shown_in},
        "output_tokens_details": {"text_tokens": out - shown_out, "image_tokens": shown_out},
    }


def _images(details: list[Modality] | None) -> int:
    return sum(max(each.token_count or 0, 0) for each in details or () if each.modality == "IMAGE")
