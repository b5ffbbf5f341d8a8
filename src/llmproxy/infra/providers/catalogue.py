"""From a model document to the adapter that reaches it.

One look-up when a snapshot is made, none per request.
"""

import msgspec

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.response_ids import ResponseIds
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Operation
from llmproxy.infra.providers.echo.model import Echo
from llmproxy.infra.providers.openai_wire.endpoints import ROWS, Incomplete
from llmproxy.infra.providers.openai_wire.realtime import RealtimeWire
from llmproxy.infra.providers.openai_wire.shown_ids import ShownIds
from llmproxy.infra.providers.openai_wire.upstream import OpenAIWire
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.target import Patience


class Catalogue:
    """Makes deployments. One that cannot be used now says why instead of failing the others."""

    def __init__(
        self,
        client: HttpClient,
        secrets: SecretSource,
        patience: Patience,
        ids: ResponseIds,
        *,
        max_message_bytes: int = 0,
    ) -> None:
        """`max_message_bytes` bounds a message of a realtime session."""
        self._client = client
        self._secrets = secrets
        self._patience = patience
        self._ids = ids
        self._max_message_bytes = max_message_bytes

    def deployment(self, model: Model, created: int) -> Deployment:
        """Return the deployment of a model document; never raises for what the document says."""
        try:
            return self._made(model, created)
        except (SecretMissing, ValueError) as error:
            return Deployment(model, None, None, str(error), created)

    def _made(self, model: Model, created: int) -> Deployment:
        if model.model_type == "Echo":
            echo = Echo()
            return Deployment(model, echo, echo, None, created)
        if model.model_type not in ROWS:
            raise Incomplete(f"model_type {model.model_type} cannot be called by this version yet")
        if model.parameters.unresolved:
            names = ", ".join(f"parameters.{field}" for field in model.parameters.unresolved)
            raise Incomplete(f"{names}: the variable it names is not set")
        return self._openai_wire(model, created)

    def _openai_wire(self, model: Model, created: int) -> Deployment:
        parameters = model.parameters
        secret = None
        if parameters.secret_name is not None:
            secret = self._secrets.resolve(parameters.secret_name)
        site = ROWS[model.model_type](model, secret)
        defaults = {
            name: msgspec.json.encode(value) for name, value in parameters.request_defaults.items()
        }
        patience = self._patient(parameters.timeout_s)
        shown = ShownIds(self._ids, model.id)
        wire = OpenAIWire(self._client, site, patience, shown, defaults=defaults)
        realtime = None
        if model.offers(Operation.AUDIO_REALTIME):
            realtime = RealtimeWire(
                self._client,
                site,
                connect_s=patience.connect_s,
                max_message_bytes=self._max_message_bytes,
            )
        return Deployment(model, wire, wire, None, created, realtime, wire.stored)

    def _patient(self, timeout_s: float | None) -> Patience:
        """Take a document's `timeout` as the longest silence, before the answer and within it."""
        patience = self._patience
        return (
            patience
            if timeout_s is None
            else patience._replace(first_byte_s=timeout_s, idle_s=timeout_s)
        )
