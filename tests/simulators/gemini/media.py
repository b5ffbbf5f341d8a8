"""Pictures, speech and transcripts through `:generateContent`.

- A model that draws answers with `inlineData` of type image/png; its prompt and the pictures it was
given decide what is drawn.
- A model that speaks answers with raw PCM (24 kHz, 16 bits, one channel), in several parts when it
streams.
- A chat model that hears audio in the last message writes down what `transcript` hears, in place of
its usual answer.

Sources: Vertex AI's pages "Gemini-TTS" and "Generate and edit images with Gemini" (2026). Words:
errors that users quoted in public code and issues, 2025 and 2026 (`Voice name Alloy is not
supported. …`, `The requested combination of response modalities (TEXT) is not supported …`,
`Multiple candidates is not enabled for this model`).
"""

import base64
import hashlib
from typing import Any

from tests.simulators.gemini.errors import invalid
from tests.simulators.gemini.models import Model, Task
from tests.simulators.gemini.reading import decoded
from tests.simulators.gemini.voices import VOICES
from tests.simulators.model import Completion, last_text
from tests.simulators.operations.images import picture
from tests.simulators.operations.speech import EVENT_BYTES, audio
from tests.simulators.operations.transcriptions import transcript

Json = dict[str, Any]

PCM_TYPE = "audio/L16;codec=pcm;rate=24000"
TOKENS_PER_PICTURE = 1290
BYTES_PER_SECOND = 48_000
TOKENS_PER_SECOND = 25
DEFAULT_VOICE = "Kore"
RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
SIZES = ("1K", "2K", "4K")
_SPEAKERS = 2
_ACCEPTED = {
    Task.CHAT: (("TEXT",),),
    Task.IMAGE: (("TEXT", "IMAGE"), ("IMAGE",)),
    Task.SPEECH: (("AUDIO",),),
}


def check_media(body: Json, name: str, model: Model) -> None:
    """What is asked of models that draw or speak, and not of others."""
    config = body.get("generation_config", {})
    modalities = tuple(config.get("response_modalities", ())) or _ACCEPTED[model.task][0]
    if model.task is Task.SPEECH and "response_modalities" not in config:
        modalities = ("TEXT",)
    accepted = _ACCEPTED[model.task]
    if set(modalities) not in [set(each) for each in accepted]:
        listed = "".join(f"* {', '.join(each)}\n" for each in accepted)
        raise invalid(
            f"The requested combination of response modalities ({', '.join(modalities)}) is not "
            f"supported by the model. models/{name} accepts the following combination of response "
            f"modalities:\n{listed}"
        )
    several = config.get("candidate_count", 1) > 1
    if several and (model.task is not Task.CHAT or model.generation >= 3):
        raise invalid("Multiple candidates is not enabled for this model")
    if model.task is Task.SPEECH:
        _check_speech(body, name)
    elif model.task is Task.IMAGE:
        _check_image(config.get("image_config", {}), model)


def pictures(body: Json, openai: Json) -> list[Json]:
    """The parts that show what is asked for."""
    given = "".join(
        hashlib.sha256(decoded(part["inline_data"]["data"])).hexdigest()
        for content in body["contents"]
        for part in content["parts"]
        if part.get("inline_data", {}).get("mime_type", "").startswith("image/")
    )
    drawn = picture(last_text(openai) + given, 0)
    return [{"inlineData": {"mimeType": "image/png", "data": drawn}}]


def spoken(body: Json, openai: Json, *, stream: bool) -> tuple[list[Json], int]:
    """The parts that say the last message, and how many tokens they are."""
    data = audio(last_text(openai), voices_of(body), "pcm")
    size = EVENT_BYTES if stream else max(1, len(data))
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    parts = [
        {"inlineData": {"mimeType": PCM_TYPE, "data": base64.b64encode(piece).decode()}}
        for piece in pieces
    ]
    return parts, max(1, len(data) * TOKENS_PER_SECOND // BYTES_PER_SECOND)


def voices_of(body: Json) -> str:
    """The voice that speaks, or the speakers with theirs."""
    config = body.get("generation_config", {}).get("speech_config", {})
    several = config.get("multi_speaker_voice_config", {}).get("speaker_voice_configs")
    if several:
        return ",".join(
            f"{each.get('speaker')}={_voice(each.get('voice_config', {}))}" for each in several
        )
    return _voice(config.get("voice_config", {}))


def heard(body: Json) -> str | None:
    """What is said in the last message's audio."""
    said = [
        transcript(_data(part))
        for part in body["contents"][-1]["parts"]
        if _kind(part).startswith("audio/")
    ]
    return " ".join(said) or None


def without_text(completion: Completion) -> Completion:
    """A completion of a model that says nothing in words."""
    choices = tuple(
        type(each)(each.index, (), (), "stop", each.reasoning) for each in completion.choices
    )
    return Completion(completion.id, completion.model, choices, completion.prompt_tokens, 0, 0)


def _kind(part: Json) -> str:
    media = part.get("inline_data") or part.get("file_data") or {}
    return str(media.get("mime_type", ""))


def _data(part: Json) -> bytes:
    if "inline_data" in part:
        return decoded(part["inline_data"]["data"])
    return str(part["file_data"]["file_uri"]).encode()


def _voice(config: Json) -> str:
    named = config.get("prebuilt_voice_config", {}).get("voice_name") or config.get("voice")
    return str(named or DEFAULT_VOICE)


def _check_speech(body: Json, name: str) -> None:
    if "system_instruction" in body:
        raise invalid(f"Developer instruction is not enabled for models/{name}")
    config = body.get("generation_config", {}).get("speech_config", {})
    several = config.get("multi_speaker_voice_config", {}).get("speaker_voice_configs", [])
    if several and len(several) != _SPEAKERS:
        raise invalid(f"The number of enabled_voices must equal {_SPEAKERS}.")
    for each in several or [config]:
        said = _voice(each.get("voice_config", {}))
        if said.lower() not in VOICES:
            raise invalid(
                f"Voice name {said} is not supported. Allowed voice names are: {', '.join(VOICES)}"
            )


def _check_image(config: Json, model: Model) -> None:
    ratio = config.get("aspect_ratio")
    if ratio is not None and ratio not in RATIOS:
        raise invalid(f"aspect_ratio must be one of {', '.join(RATIOS)}")
    size = config.get("image_size")
    if size is not None and (size not in SIZES or model.generation < 3):
        raise invalid(f"image_size {size} is not supported by this model.")
