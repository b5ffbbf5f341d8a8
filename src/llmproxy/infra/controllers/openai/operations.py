"""The data plane's endpoints, one row each."""

from llmproxy.application.gateway import Gateway
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.middleware import Serve
from llmproxy.infra.controllers.openai.chat_request import chat_request
from llmproxy.infra.controllers.openai.client_secrets import ClientSecrets, Secrets
from llmproxy.infra.controllers.openai.completion_request import completion_request
from llmproxy.infra.controllers.openai.embeddings_request import embeddings_request
from llmproxy.infra.controllers.openai.image_request import image_edit_request, image_request
from llmproxy.infra.controllers.openai.json_operation import JsonOperation, Row
from llmproxy.infra.controllers.openai.moderation_request import moderation_request
from llmproxy.infra.controllers.openai.realtime import Realtime
from llmproxy.infra.controllers.openai.responses_by_id import ROOT, ResponsesById
from llmproxy.infra.controllers.openai.responses_request import (
    compact_request,
    input_tokens_request,
    response_request,
)
from llmproxy.infra.controllers.openai.speech_request import speech_request
from llmproxy.infra.controllers.openai.upload_operation import UploadOperation, UploadRow
from llmproxy.infra.controllers.openai.upload_requests import (
    EDITS,
    TRANSCRIPTIONS,
    TRANSLATIONS,
    VARIATIONS,
)
from llmproxy.infra.controllers.spool import Spools

JSON_ROWS = (
    Row(Endpoint.CHAT_COMPLETIONS, chat_request, ends_with_done=True),
    Row(Endpoint.COMPLETIONS, completion_request, ends_with_done=True),
    Row(Endpoint.EMBEDDINGS, embeddings_request),
    Row(Endpoint.MODERATIONS, moderation_request),
    Row(Endpoint.IMAGES_GENERATIONS, image_request),
    Row(Endpoint.IMAGES_EDITS, image_edit_request),
    Row(Endpoint.RESPONSES, response_request),
    Row(Endpoint.RESPONSES_COMPACT, compact_request),
    Row(Endpoint.RESPONSES_INPUT_TOKENS, input_tokens_request),
    Row(Endpoint.AUDIO_SPEECH, speech_request, binary=True),
)

UPLOAD_ROWS = (
    UploadRow(Endpoint.AUDIO_TRANSCRIPTIONS, TRANSCRIPTIONS),
    UploadRow(Endpoint.AUDIO_TRANSLATIONS, TRANSLATIONS),
    UploadRow(Endpoint.IMAGES_EDITS, EDITS),
    UploadRow(Endpoint.IMAGES_VARIATIONS, VARIATIONS),
)
"""Edits come in both kinds: as JSON that names images, or as a form that holds them."""


REALTIME_PATHS = ("/v1/realtime", "/v1/audio/realtime")


def operations(gateway: Gateway, desk: Desk, secrets: Secrets) -> dict[str, Serve]:
    """Return what serves the POST of each path."""
    spools = Spools(max_bytes=desk.max_spooled_bytes)
    served: dict[str, Serve] = {
        f"/v1/{row.endpoint}": JsonOperation(gateway, desk, row) for row in JSON_ROWS
    }
    for form in UPLOAD_ROWS:
        path = f"/v1/{form.endpoint}"
        row = form._replace(json=served.get(path))
        served[path] = UploadOperation(gateway, desk, spools, row)
    served["/v1/realtime/client_secrets"] = ClientSecrets(gateway, desk, secrets)
    return served


def sockets(
    gateway: Gateway, desk: Desk, secrets: Secrets, *, max_message_bytes: int, idle_s: float
) -> dict[str, Serve]:
    """Return what serves the WebSocket of each path."""
    realtime = Realtime(
        gateway, secrets, desk.crowd, max_message_bytes=max_message_bytes, idle_s=idle_s
    )
    return dict.fromkeys(REALTIME_PATHS, realtime)


def families(gateway: Gateway, desk: Desk) -> dict[str, Serve]:
    """Return what serves every method of the paths that begin with these."""
    return {ROOT: ResponsesById(gateway, desk)}
