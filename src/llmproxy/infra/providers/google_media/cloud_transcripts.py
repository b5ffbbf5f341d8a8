"""Transcripts of Cloud Speech-to-Text v2: `:recognize`.

Fields: google-cloud-speech 2.41 `speech_v2/types/cloud_speech.py`. One minute or 10 MB at once:
Google's page "Quotas and limits" (2026). The Chirp models find the language themselves (`auto`:
Google's pages on chirp_2 and chirp_3); others must be told it. chirp_2 alone translates, into
English for this endpoint.
"""

import base64
import math
import re
from collections.abc import Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import Broken, Refused, UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.audio_given import TOO_LONG, recording, too_long
from llmproxy.infra.providers.google_media.generated import refused
from llmproxy.infra.providers.google_media.given import given_in_form
from llmproxy.infra.providers.google_media.hosts import recognition_url
from llmproxy.infra.providers.google_media.languages import regional
from llmproxy.infra.providers.google_media.recognized import heard
from llmproxy.infra.providers.google_media.transcript import Form, written
from llmproxy.infra.providers.google_media.transcript_request import form_wanted
from llmproxy.infra.providers.google_media.translation import GoogleTranslation, MakeTarget
from llmproxy.infra.providers.translated.chat_request import invalid
from llmproxy.infra.providers.translated.remarks import Remarks
from llmproxy.infra.providers.translated.translation import Sent, Translated
from llmproxy.infra.wire.sound import sound_ms

MAX_BYTES = 10 * 1024 * 1024
MAX_MS = 60_000
OPENING_BYTES = 1024
WAVE_HEAD_BYTES = 44
KINDS = ("json", "text", "verbose_json", "srt", "vtt")
TIMED = frozenset(("verbose_json", "srt", "vtt"))
ENGLISH = "en-US"
_LIMIT = re.compile(r"(?i)maximum of \d+ seconds|payload size exceeds|audio.{0,20}too long")
_encode = msgspec.json.Encoder().encode


def translates(name: str) -> bool:
    """Whether a model can be asked for a translation."""
    return name == "chirp_2"


class CloudTranscripts(GoogleTranslation):
    """One model, at `/v1/audio/transcriptions` and `/v1/audio/translations`."""

    def __init__(self, make: MakeTarget, model: Model) -> None:
        super().__init__(make, model)
        self._target = self.target(recognition_url(self.parameters))
        self._language = self.text("language_code")
        if self._language is None and self.name.startswith("chirp"):
            self._language = "auto"

    @override
    async def request(self, call: Call) -> Sent:
        upload = call.upload
        if upload is None:
            raise invalid("file", "expected a form with a file")
        remarks = self.remarks(call)
        given = await given_in_form(upload)
        form = form_wanted(call, given, remarks, KINDS, frozenset(("language",)))
        language = self._spoken(given.text("language"), remarks)
        data = await recording(upload, given, MAX_BYTES)
        size = len(data) - WAVE_HEAD_BYTES
        if data[:4] == b"RIFF" and sound_ms(data[:OPENING_BYTES], size) > MAX_MS:
            raise too_long(f"this model hears at most {MAX_MS // 1000} seconds at once")
        features: dict[str, object] = {"enableAutomaticPunctuation": True}
        if form.kind in TIMED:
            features["enableWordTimeOffsets"] = True
        config: dict[str, object] = {
            "model": self.name,
            "languageCodes": [language],
            "features": features,
            "autoDecodingConfig": {},
        }
        if form.task == "translate":
            config["translationConfig"] = {"targetLanguage": ENGLISH}
        return Sent(
            self._target,
            _encode({"config": config, "content": base64.b64encode(data).decode("ascii")}),
            tuple(remarks.dropped),
            tuple(remarks.changed),
            context=form,
        )

    def _spoken(self, asked: str | None, remarks: Remarks) -> str:
        if asked:
            return regional(asked, remarks)
        if self._language is None:
            words = f"the model `{remarks.model}` does not find the language itself"
            raise invalid("language", words, code="missing_required_parameter", hint="Name it.")
        return self._language

    @override
    async def joined(self, call: Call, sent: Sent, bodies: Sequence[bytes]) -> Translated:
        form = sent.context
        if not isinstance(form, Form):
            raise Broken("The way back does not know how the transcript is wanted.")
        transcript, billed_ms = heard(bodies[0])
        timed = all(each.words for each in transcript.segments)
        if "word" in form.granularities and not timed:
            words = "This model does not tell the times of words."
            raise refused(words, "unsupported_value", "timestamp_granularities")
        usage = None
        if billed_ms is not None:
            usage = Usage(audio_ms=billed_ms)
            seconds = {"type": "duration", "seconds": math.ceil(billed_ms / 1000)}
            transcript = transcript._replace(usage=seconds)
        return written(transcript, form, usage)

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        made = super().failure(status, headers, body)
        if isinstance(made, Refused) and _LIMIT.search(made.message):
            made.error = {**made.error, "code": TOO_LONG, "param": "file"}
            made.code, made.param = TOO_LONG, "file"
        return made
