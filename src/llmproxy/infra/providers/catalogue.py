"""From a model document to the adapter that reaches it.

One look-up when a snapshot is made, none per request.
"""

from collections.abc import Mapping

import msgspec

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.response_ids import ResponseIds
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.claude.sites import SITES as CLAUDES
from llmproxy.infra.providers.claude.sites import is_claude_on_foundry
from llmproxy.infra.providers.claude.translation import claude_translations
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.echo.model import Echo
from llmproxy.infra.providers.gemini.translation import gemini_translations
from llmproxy.infra.providers.google_media.entry import google_media_translations
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.near_openai.translation import near_openai_translations
from llmproxy.infra.providers.openai_wire.endpoints import ROWS, Incomplete
from llmproxy.infra.providers.openai_wire.realtime import RealtimeWire
from llmproxy.infra.providers.openai_wire.shown_ids import ShownIds
from llmproxy.infra.providers.openai_wire.upstream import OpenAIWire
from llmproxy.infra.providers.responses_over_chat.adapter import ResponsesOverChat
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Translation
from llmproxy.infra.providers.translated.wire import TranslatedWire
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.patience import Patiences
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.providers.vertex.maas import MAAS_ROWS

OPENAI_WIRE = {**ROWS, **MAAS_ROWS}
"""Model types whose bytes pass; all others but Echo are translated."""


class Catalogue:
    """Makes deployments. One that cannot be used now says why instead of failing the others."""

    def __init__(
        self,
        client: HttpClient,
        credentials: Credentials,
        patience: Patience,
        ids: ResponseIds,
        long_tail: LongTail,
        *,
        max_message_bytes: int = 0,
    ) -> None:
        """`max_message_bytes` bounds a message of a realtime session."""
        self._client = client
        self._credentials = credentials
        self._patience = patience
        self._ids = ids
        self._long_tail = long_tail
        self._max_message_bytes = max_message_bytes
        self.kept = KeptReasoning()

    def deployment(self, model: Model, created: int) -> Deployment:
        """Return the deployment of a model document; never raises for what the document says."""
        try:
            return self._made(model, created)
        except (SecretMissing, ValueError) as error:
            return Deployment(model, None, None, str(error), created)

    def _made(self, model: Model, created: int) -> Deployment:
        if model.model_type == "Echo":
            echo = Echo()
            return Deployment(model, echo, echo, None, created, rendering=echo)
        if model.parameters.unresolved:
            names = ", ".join(f"parameters.{field}" for field in model.parameters.unresolved)
            raise Incomplete(f"{names}: the variable it names is not set")
        if model.model_type in OPENAI_WIRE and not is_claude_on_foundry(model):
            return self._openai_wire(model, created)
        return self._translated(model, created)

    def _openai_wire(self, model: Model, created: int) -> Deployment:
        parameters = model.parameters
        credential = self._credentials.of(model)
        secret = self._credentials.key(model) if credential is None else None
        site = OPENAI_WIRE[model.model_type](model, secret)._replace(
            credential=credential, provisioned=model.provisioned is not None
        )
        defaults = {
            name: msgspec.json.encode(value) for name, value in parameters.request_defaults.items()
        }
        patience = self._patient(model)
        shown = ShownIds(self._ids, model.id)
        wire = OpenAIWire(self._client, site, patience, shown, defaults=defaults)
        if model.model_type in MAAS_ROWS:
            chat = ResponsesOverChat(wire, wire, wire)
            return Deployment(model, chat, chat, None, created, rendering=chat)
        realtime = None
        if model.offers(Operation.AUDIO_REALTIME):
            realtime = RealtimeWire(
                self._client,
                site,
                connect_s=patience.connect_s,
                max_message_bytes=self._max_message_bytes,
            )
        return Deployment(model, wire, wire, None, created, realtime, wire.stored, wire)

    def _translated(self, model: Model, created: int) -> Deployment:
        credential = self._credentials.of(model)
        secret = self._credentials.key(model) if credential is None else None
        patiences = Patiences(self._patient(model))
        translations = self._translations(model, secret)
        wire = TranslatedWire(self._client, patiences, translations, credential)
        chat = ResponsesOverChat(wire, wire, wire)
        return Deployment(model, chat, chat, None, created, rendering=chat)

    def _translations(self, model: Model, secret: Secret | None) -> Mapping[Endpoint, Translation]:
        if model.model_type in {"GoogleVertexMistral", "GoogleVertexJamba"}:
            return near_openai_translations(self._client, model)
        if model.model_type in CLAUDES:
            return claude_translations(self._client, model, secret, self.kept)
        if model.model_type == "GoogleVertex":
            chat = gemini_translations(self._client, model, self.kept)
            return {**chat, **google_media_translations(self._client, model)}
        if model.model_type == "LiteLLM":
            return self._long_tail.translations(self._client, model)
        raise Incomplete(f"model_type {model.model_type} cannot be called by this version yet")

    def _patient(self, model: Model) -> Patience:
        """Return how long this deployment is waited for.

        The document's `timeouts` before its older `parameters.timeout`, which is the longest
        silence, before the answer and within it; both before the settings.
        """
        patience = self._patience
        timeout_s = model.parameters.timeout_s
        if timeout_s is not None:
            patience = patience._replace(first_token_s=timeout_s, between_tokens_s=timeout_s)
        timeouts = model.timeouts
        return patience if timeouts is None else patience.stated(timeouts)
