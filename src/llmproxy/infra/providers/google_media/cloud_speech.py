"""Speech of Cloud Text-to-Speech: `text:synthesize`.

google-cloud-texttospeech 2.38 `texttospeech_v1/types/cloud_tts.py`: MP3, Opus in OGG, WAV
(`LINEAR16`) and samples (`PCM`) are made there; AAC and FLAC are made here, out of samples. Up to
5,000 bytes a request and rates of 0.25 to 2.0 (there, and Google's page "Quotas & limits", 2026).
No tokens are counted: the gateway meters the characters.
"""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.generated import decoded
from llmproxy.infra.providers.google_media.given import Given, check_rest, given_in_json
from llmproxy.infra.providers.google_media.hosts import synthesis_url
from llmproxy.infra.providers.google_media.sounds import RATE_HZ, Studio
from llmproxy.infra.providers.google_media.speech_request import (
    DEFAULT_FORMAT,
    NEUTRAL,
    SUPPORTED,
    speech_answer,
)
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.google_media.voices import Voice, Voices
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.providers.translated.translation import Sent, Translated
from llmproxy.infra.wire.unreadable import UNREADABLE

MAX_INPUT_BYTES = 5000
MAX_RATE = 2.0
DEFAULT_LANGUAGE = "en-US"
ENCODINGS: Mapping[str, str] = {
    "mp3": "MP3",
    "opus": "OGG_OPUS",
    "wav": "LINEAR16",
    "pcm": "PCM",
    "aac": "PCM",
    "flac": "PCM",
}
FAMILIES: Mapping[str, str] = {
    "neural2": "Neural2",
    "wavenet": "Wavenet",
    "standard": "Standard",
    "studio": "Studio",
    "polyglot": "Polyglot",
    "news": "News",
    "casual": "Casual",
    "chirp3": "Chirp3-HD",
    "chirphd": "Chirp-HD",
}
"""What a model's name says of its voices, each priced as its own: a document for `neural2` speaks
with no other."""


class _Synthesized(msgspec.Struct, rename="camel"):
    audio_content: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Synthesized).decode


class CloudSpeech(GoogleTranslation):
    """One family of voices, or one model of Gemini's."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.target(synthesis_url(self.parameters))
        self._is_gemini = self.name.startswith("gemini")
        plain = self.name.lower().replace("-", "").replace("_", "")
        family = next((family for word, family in FAMILIES.items() if word in plain), "")
        self._voices = Voices(
            self.parameters,
            prebuilt=self._is_gemini or family in ("", "Chirp3-HD"),
            family=None if self._is_gemini else family,
        )
        self._language = self.text("language_code") or DEFAULT_LANGUAGE
        self._studio = Studio()

    @override
    async def request(self, call: Call) -> Sent:
        remarks = self.remarks(call)
        given = given_in_json(call)
        check_rest(given, remarks, SUPPORTED, NEUTRAL)
        voice = self._voices.voice(given.values["voice"], remarks)
        kind = given.text("response_format") or DEFAULT_FORMAT
        audio: dict[str, object] = {
            "audioEncoding": ENCODINGS[kind],
            "sampleRateHertz": RATE_HZ,
        }
        speed = given.values.get("speed")
        if speed is not None and speed > MAX_RATE:
            remarks.impossible("speed", f"this model speaks at rates of up to {MAX_RATE}")
        elif speed not in (None, 1):
            audio["speakingRate"] = speed
        body = {
            "input": self._input(given, remarks),
            "voice": self._voice(voice, given.text("language_code") or self._language),
            "audioConfig": audio,
        }
        names = tuple(remarks.dropped), tuple(remarks.changed)
        return Sent(self._target, _encode(body), *names, context=kind)

    def _input(self, given: Given, remarks: Remarks) -> dict[str, str]:
        spoken: dict[str, str] = {"text": given.text("input") or ""}
        how = given.text("instructions")
        if how and self._is_gemini:
            spoken["prompt"] = how
        elif how:
            remarks.unsupported("instructions")
        if sum(len(text.encode()) for text in spoken.values()) > MAX_INPUT_BYTES:
            words = f"this model reads at most {MAX_INPUT_BYTES} bytes at once"
            raise invalid("input", words, code="string_above_max_length")
        return spoken

    def _voice(self, voice: Voice, language: str) -> dict[str, str]:
        if self._is_gemini:
            return {"languageCode": language, "name": voice.name, "modelName": self.name}
        if voice.language is not None:
            return {"languageCode": voice.language, "name": voice.name}
        return {"languageCode": language, "name": f"{language}-Chirp3-HD-{voice.name}"}

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        try:
            sound = decoded(_decode(bodies[0]).audio_content)
        except UNREADABLE as error:
            raise Broken("The provider's speech cannot be read.", detail=str(error)) from error
        kind = str(sent.context)
        if ENCODINGS[kind] == "PCM":
            sound = await self._studio.made(sound, kind)
        if not sound:
            raise Broken("The provider's speech is empty.")
        spoken = call.counted.characters if call.counted is not None else 0
        return speech_answer(call, sound, kind, Usage(characters=spoken))
