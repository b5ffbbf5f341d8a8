"""What of OpenAI's endpoints beside chat a document of `GoogleVertex` offers.

| `operations` | the model's name | served by |
|---|---|---|
| `embeddings` | any | the model's embeddings |
| `images` | `imagen…` | Imagen: generations |
| `images` | `gemini-…image…` | Gemini: generations and edits |
| `audio_tts` | `gemini-…` | Gemini's speech |
| `audio_tts` | any other, such as `chirp3-hd`, `neural2`, `cloud-tts` | Cloud Text-to-Speech |
| `audio_stt` | `gemini-…` | Gemini: transcriptions and translations |
| `audio_stt` | any other, such as `chirp_3`, `long` | Cloud Speech-to-Text |

A document can say `"api": "cloud-tts"` in its parameters for a Gemini model that speaks through
Cloud Text-to-Speech. Of the models of Cloud Speech-to-Text chirp_2 translates as well. `images` on
any other model means that it understands images in chat.
"""

from collections.abc import Mapping

from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.infra.providers.google_media.cloud_speech import CloudSpeech
from llmproxy.infra.providers.google_media.cloud_transcripts import CloudTranscripts, translates
from llmproxy.infra.providers.google_media.embeddings import GoogleEmbeddings
from llmproxy.infra.providers.google_media.gemini_images import GeminiImages
from llmproxy.infra.providers.google_media.gemini_speech import GeminiSpeech
from llmproxy.infra.providers.google_media.gemini_transcripts import GeminiTranscripts
from llmproxy.infra.providers.google_media.imagen import Imagen
from llmproxy.infra.providers.google_media.translation import MakeTarget
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete, upstream_model
from llmproxy.infra.providers.translated.translation import Translation
from llmproxy.infra.providers.transport.client import HttpClient

Translations = dict[Endpoint, Translation]
CLOUD_TTS = "cloud-tts"


def google_media_translations(client: HttpClient, model: Model) -> Mapping[Endpoint, Translation]:
    """Return a translation for each endpoint that the document's operations and name allow.

    Raises Incomplete for a document that cannot be called.
    """
    return translations_of(client.target, model)


def translations_of(make: MakeTarget, model: Model) -> Translations:
    """Return the same, with targets as `make` makes them."""
    made: Translations = {}
    name = upstream_model(model).rpartition("/")[2]
    if model.offers(Operation.EMBEDDINGS):
        made[Endpoint.EMBEDDINGS] = GoogleEmbeddings(make, model)
    if model.offers(Operation.IMAGES):
        made |= _images(make, model, name)
    if model.offers(Operation.AUDIO_TTS):
        made[Endpoint.AUDIO_SPEECH] = _speech(make, model, name)
    if model.offers(Operation.AUDIO_STT):
        made |= _transcripts(make, model, name)
    return made


def _images(make: MakeTarget, model: Model, name: str) -> Translations:
    if name.startswith("imagen"):
        return {Endpoint.IMAGES_GENERATIONS: Imagen(make, model)}
    if name.startswith("gemini") and "image" in name:
        images = GeminiImages(make, model)
        return {Endpoint.IMAGES_GENERATIONS: images, Endpoint.IMAGES_EDITS: images}
    return {}


def _speech(make: MakeTarget, model: Model, name: str) -> Translation:
    api = model.parameters.extra.get("api")
    if api not in (None, CLOUD_TTS):
        raise Incomplete(f"parameters.api must be {CLOUD_TTS!r}, or left out")
    if name.startswith("gemini") and api is None:
        return GeminiSpeech(make, model)
    return CloudSpeech(make, model)


def _transcripts(make: MakeTarget, model: Model, name: str) -> Translations:
    if name.startswith("gemini"):
        transcripts: Translation = GeminiTranscripts(make, model)
        return dict.fromkeys(
            (Endpoint.AUDIO_TRANSCRIPTIONS, Endpoint.AUDIO_TRANSLATIONS), transcripts
        )
    transcripts = CloudTranscripts(make, model)
    made: Translations = {Endpoint.AUDIO_TRANSCRIPTIONS: transcripts}
    if translates(name):
        made[Endpoint.AUDIO_TRANSLATIONS] = transcripts
    return made
