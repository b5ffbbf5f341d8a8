"""What a provider's translator carries beside text: each kind is tried when a model is prepared.

LiteLLM leaves some kinds out without a word, and fetches what others link to. What does not come
out of the translation as it went in is refused.
"""

import json
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from llmproxy.infra.providers.long_tail.closed import closed
from llmproxy.infra.providers.long_tail.importing import Foreign, part

JsonDict = dict[str, Any]
Body = Callable[[list[JsonDict]], JsonDict]

PICTURE: Final = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5"
    "ErkJggg=="
)
SOUND: Final = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQIAAAAAAA=="
PAPER: Final = "JVBERi0xLjQKJSVFT0YK"
LINK: Final = "https://media.invalid/picture.png"
NAME: Final = "a_name_to_be_found"


class Media(NamedTuple):
    """`links` is true where an address of a picture is passed on; nothing is ever fetched.

    `names` is about who speaks in a message.
    """

    pictures: bool
    links: bool
    sounds: bool
    papers: bool
    names: bool = True


def media(provider: str, model: str, config: Foreign) -> Media:
    """Try every kind on a provider's translator of messages."""
    body = _body(provider, model, config)
    return Media(
        pictures=_carries(
            body,
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
            PICTURE,
        ),
        links=_carries(body, {"type": "image_url", "image_url": {"url": LINK}}, LINK),
        sounds=_carries(
            body, {"type": "input_audio", "input_audio": {"data": SOUND, "format": "wav"}}, SOUND
        ),
        papers=_carries(
            body,
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PAPER}"},
            },
            PAPER,
        ),
        names=_comes_out(body, {"role": "user", "name": NAME, "content": "?"}, NAME),
    )


def _body(provider: str, model: str, config: Foreign) -> Body:
    if provider == "gemini":
        transform = part("llms.vertex_ai.gemini.transformation", "transform_request_body")
        return lambda messages: transform(
            messages=messages,
            model=model,
            optional_params={},
            custom_llm_provider="gemini",
            litellm_params={},
            cached_content=None,
        )
    return lambda messages: config.transform_request(
        model=model, messages=messages, optional_params={}, litellm_params={}, headers={}
    )


def _carries(body: Body, content: JsonDict, marker: str) -> bool:
    said = {"role": "user", "content": [{"type": "text", "text": "?"}, content]}
    return _comes_out(body, said, marker)


def _comes_out(body: Body, message: JsonDict, marker: str) -> bool:
    try:
        with closed() as watch:
            made = json.dumps(body([message]), default=str)
    except Exception:  # noqa: BLE001 - a refusal is an answer too, whatever its class
        return False
    return marker in made and not watch.tried
