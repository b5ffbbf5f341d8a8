"""What differs between the generations of Gemini, told by the model's name.

A tuned model is a number: its generation is read from the document's `code` or `name`, and is the
second where these do not say (`gemini-3-pro-tuned` as a code is enough).
"""

import re
from typing import NamedTuple

from llmproxy.domain.model import Model
from llmproxy.infra.providers.openai_wire.endpoints import upstream_model

_NUMBERED = re.compile(r"gemini-(\d+)")
_LATEST = re.compile(r"gemini-(?:pro|flash)(?:-lite)?-latest")


class Generation(NamedTuple):
    """`pro` and `image` are words of the name."""

    number: int = 2
    pro: bool = False
    image: bool = False

    @property
    def levels(self) -> bool:
        """Whether it takes `thinkingLevel`; before, there were budgets of tokens.

        ai.google.dev, "Gemini thinking" (2026).
        """
        return self.number >= 3

    @property
    def needs_signatures(self) -> bool:
        """Whether a call of the current turn is refused without the signature that it came with.

        docs.cloud.google.com, Vertex AI, "Thought signatures" (2026): Gemini 3 and later, but not
        the image models.
        """
        return self.number >= 3 and not self.image

    @property
    def call_ids(self) -> bool:
        """Whether calls and their results bear ids; older models answer 400 to them on Vertex AI.

        Seen in litellm 1.110.2 `vertex_and_google_ai_studio_gemini.py`, which holds them back too.
        """
        return self.number >= 3

    @property
    def part_resolution(self) -> bool:
        """Whether an image may say how closely it is to be looked at."""
        return self.number >= 3


def generation_of(model: Model) -> Generation:
    """Return what is known of a document's model."""
    names = (upstream_model(model), model.code, model.name)
    for name in names:
        lowered = name.lower()
        found = _NUMBERED.search(lowered)
        number = int(found[1]) if found else 3 if _LATEST.search(lowered) else None
        if number is not None:
            return Generation(number, "pro" in lowered, "image" in lowered)
    return Generation()
