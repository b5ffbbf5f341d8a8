"""The data plane's endpoints, one row each."""

from llmproxy.application.gateway import Gateway
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.middleware import Serve
from llmproxy.infra.controllers.openai.chat_request import chat_request
from llmproxy.infra.controllers.openai.completion_request import completion_request
from llmproxy.infra.controllers.openai.embeddings_request import embeddings_request
from llmproxy.infra.controllers.openai.image_request import image_request
from llmproxy.infra.controllers.openai.json_operation import JsonOperation, Row
from llmproxy.infra.controllers.openai.moderation_request import moderation_request
from llmproxy.infra.controllers.openai.speech_request import speech_request

JSON_ROWS = (
    Row(Endpoint.CHAT_COMPLETIONS, chat_request, ends_with_done=True),
    Row(Endpoint.COMPLETIONS, completion_request, ends_with_done=True),
    Row(Endpoint.EMBEDDINGS, embeddings_request),
    Row(Endpoint.MODERATIONS, moderation_request),
    Row(Endpoint.IMAGES_GENERATIONS, image_request),
    Row(Endpoint.AUDIO_SPEECH, speech_request, binary=True),
)


def operations(gateway: Gateway, desk: Desk) -> dict[str, Serve]:
    """Return what serves the POST of each path."""
    return {f"/v1/{row.endpoint}": JsonOperation(gateway, desk, row) for row in JSON_ROWS}
