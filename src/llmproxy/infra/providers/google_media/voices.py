"""Voices: OpenAI's names, Google's, and what an operator calls them.

Google's prebuilt voices speak through Gemini by their name (`Kore`), and as Chirp 3: HD through
Cloud Text-to-Speech by language and name (`en-US-Chirp3-HD-Kore`). Names: Google's pages
"Gemini-TTS" and "Chirp 3: HD voices" (2026). No voice of Google's is one of OpenAI's: who asks for
`alloy` gets the voice beside it below, and the header `x-llmproxy-changed: voice` says so. A
document may say otherwise: `parameters.voices` maps names, `parameters.voice` stands for all of
OpenAI's that are not mapped.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks

PREBUILT: Final = (
    "Achernar",
    "Achird",
    "Algenib",
    "Algieba",
    "Alnilam",
    "Aoede",
    "Autonoe",
    "Callirrhoe",
    "Charon",
    "Despina",
    "Enceladus",
    "Erinome",
    "Fenrir",
    "Gacrux",
    "Iapetus",
    "Kore",
    "Laomedeia",
    "Leda",
    "Orus",
    "Puck",
    "Pulcherrima",
    "Rasalgethi",
    "Sadachbia",
    "Sadaltager",
    "Schedar",
    "Sulafat",
    "Umbriel",
    "Vindemiatrix",
    "Zephyr",
    "Zubenelgenubi",
)
OPENAI: Final[Mapping[str, str]] = {
    "alloy": "Kore",
    "ash": "Charon",
    "ballad": "Algieba",
    "cedar": "Iapetus",
    "coral": "Aoede",
    "echo": "Puck",
    "fable": "Umbriel",
    "marin": "Vindemiatrix",
    "nova": "Leda",
    "onyx": "Orus",
    "sage": "Sulafat",
    "shimmer": "Zephyr",
    "verse": "Fenrir",
}
"""Beside each of OpenAI's voices (its text to speech guide) one of Google's of the same sex."""

_PREBUILT = {name.casefold(): name for name in PREBUILT}
_FULL = re.compile(r"([a-z]{2,3}-(?:[A-Z][a-z]{3}-)?[A-Z0-9]{2,3})-[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")


class Voice(NamedTuple):
    """A voice by its name at Google; with its language where the name holds it."""

    name: str
    language: str | None = None


class Voices:
    """What a deployment makes of a request's `voice`."""

    def __init__(
        self, parameters: Parameters, *, prebuilt: bool = True, family: str | None = None
    ) -> None:
        """Read the document; `prebuilt` where voices have plain names.

        `family` is what full names, with a language, must hold (`Neural2`, or "" for any), None
        where there are none. Raises Incomplete for a voice that cannot be one.
        """
        self._prebuilt = _PREBUILT if prebuilt else {}
        self._family = family
        mapped = parameters.extra.get("voices") or {}
        if not isinstance(mapped, Mapping):
            raise Incomplete("parameters.voices must be an object from names to Google's voices")
        self._mapped = {str(name).casefold(): self._known(each) for name, each in mapped.items()}
        usual = parameters.extra.get("voice")
        self._usual = None if usual is None else self._known(usual)

    def _known(self, name: object) -> Voice:
        voice = self._own(name) if isinstance(name, str) else None
        if voice is None:
            raise Incomplete(f"parameters.voice or voices: {name!r} is no voice of Google's")
        return voice

    def _own(self, name: str) -> Voice | None:
        """Return Google's voice of this name, None when there is none."""
        prebuilt = self._prebuilt.get(name.casefold())
        if prebuilt is not None:
            return Voice(prebuilt)
        if self._family is None or self._family.casefold() not in name.casefold():
            return None
        full = _FULL.fullmatch(name)
        return None if full is None else Voice(name, full[1])

    def voice(self, asked: Any, remarks: Remarks) -> Voice:  # noqa: ANN401 - checked by the desk
        """Return the voice for a request's. Raises InvalidRequest listing those that there are."""
        name = asked["id"] if isinstance(asked, dict) else asked
        mapped = self._mapped.get(name.casefold())
        if mapped is None:
            own = self._own(name)
            if own is not None:
                return own
            if name.casefold() in OPENAI:
                mapped = self._usual or self._own(OPENAI[name.casefold()])
        if mapped is None:
            raise self._unknown(name)
        remarks.change("voice")
        return mapped

    def _unknown(self, name: str) -> Exception:
        listed = ", ".join((*self._mapped, *self._prebuilt.values()))
        hints = [f"It has {listed}."] if listed else []
        if self._family is not None:
            family = self._family or "Neural2"
            hints.append(f"Voices are named as Google does: en-US-{family}-… and so on.")
        words = f"this model has no voice {name[:100]!r}"
        return invalid("voice", words, code="unsupported_value", hint=" ".join(hints))
