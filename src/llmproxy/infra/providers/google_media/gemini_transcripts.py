"""Transcripts that Gemini's models write: the recording goes into a prompt that asks for it.

Vertex AI's page "Audio understanding" (2026): up to 20 MB in one request; the types of sound are
those of `audio_given.py`. A model that is asked for times of words makes them up, so that these
are refused.
"""

import base64
from collections.abc import Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.audio_given import TOO_LONG, audio_type, recording
from llmproxy.infra.providers.google_media.generated import generated, refused
from llmproxy.infra.providers.google_media.given import Given, given_in_form
from llmproxy.infra.providers.google_media.transcript import Form, Transcript, written
from llmproxy.infra.providers.google_media.transcript_request import form_wanted
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.translation import Sent, Translated

MAX_BYTES = 14 * 1024 * 1024
"""As base64 this is a third larger."""
KINDS = ("json", "text")
SUPPORTED = frozenset(("language", "prompt", "temperature"))
TASKS = {
    "transcribe": "Transcribe the speech in this recording word for word, in the language that is"
    " spoken. Answer with the transcript only.",
    "translate": "Translate the speech in this recording into English. Answer with the translation"
    " only.",
}
_encode = msgspec.json.Encoder().encode


class GeminiTranscripts(GoogleTranslation):
    """One model, at `/v1/audio/transcriptions` and `/v1/audio/translations`."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.vertex_target("generateContent")

    @override
    async def request(self, call: Call) -> Sent:
        upload = call.upload
        if upload is None:
            raise invalid("file", "expected a form with a file")
        remarks = self.remarks(call)
        given = await given_in_form(upload)
        form = form_wanted(call, given, remarks, KINDS, SUPPORTED)
        data = await recording(upload, given, MAX_BYTES)
        kind = audio_type(data)
        if kind is None:
            raise invalid("file", "expected WAV, MP3, AAC, OGG, FLAC, MP4 or WebM")
        sound = {"mimeType": kind, "data": base64.b64encode(data).decode("ascii")}
        parts: list[object] = [{"text": _task(form, given)}, {"inlineData": sound}]
        body: dict[str, object] = {"contents": [{"role": "user", "parts": parts}]}
        temperature = given.text("temperature")
        if temperature is not None:
            body["generationConfig"] = {"temperature": float(temperature)}
        return Sent(self._target, _encode(body), tuple(remarks.dropped), context=form)

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        form = sent.context
        if not isinstance(form, Form):
            raise Broken("The way back does not know how the transcript is wanted.")
        made = generated(bodies[0])
        if made.cut:
            words = "The model reached its limit before it had written everything down."
            raise refused(words, TOO_LONG, "file")
        usage = None if made.usage is None else _wire_usage(made.usage)
        return written(Transcript(made.words.strip(), usage), form, made.usage)


def _task(form: Form, given: Given) -> str:
    words = [TASKS[form.task]]
    language = given.text("language")
    if language:
        words.append(f"The language that is spoken is {language}.")
    before = given.text("prompt")
    if before:
        words.append(f"Style, names and what was said before: {before}")
    return "\n".join(words)


def _wire_usage(usage: Usage) -> dict[str, object]:
    into, out = usage.total_input_tokens, usage.total_output_tokens
    sound = usage.audio_input_tokens
    return {
        "type": "tokens",
        "input_tokens": into,
        "output_tokens": out,
        "total_tokens": into + out,
        "input_token_details": {"text_tokens": into - sound, "audio_tokens": sound},
    }
