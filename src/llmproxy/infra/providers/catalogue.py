"""From a model document to the adapter that reaches it.

One look-up when a snapshot is made, none per request.
"""

import msgspec

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.model import Model
from llmproxy.infra.providers.echo.model import Echo
from llmproxy.infra.providers.openai_wire.endpoints import ROWS, Incomplete
from llmproxy.infra.providers.openai_wire.upstream import OpenAIWire
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.target import Patience


class Catalogue:
    """Makes deployments. One that cannot be used now says why instead of failing the others."""

    def __init__(self, client: HttpClient, secrets: SecretSource, patience: Patience) -> None:
        self._client = client
        self._secrets = secrets
        self._patience = patience

    def deployment(self, model: Model, created: int) -> Deployment:
        """Return the deployment of a model document; never raises for what the document says."""
        try:
            adapter = self._adapter(model)
        except (SecretMissing, ValueError) as error:
            return Deployment(model, None, None, str(error), created)
        return Deployment(model, adapter, adapter, None, created)

    def _adapter(self, model: Model) -> Echo | OpenAIWire:
        if model.model_type == "Echo":
            return Echo()
        if model.model_type not in ROWS:
            raise Incomplete(f"model_type {model.model_type} cannot be called by this version yet")
        if model.parameters.unresolved:
            names = ", ".join(f"parameters.{field}" for field in model.parameters.unresolved)
            raise Incomplete(f"{names}: the variable it names is not set")
        return self._openai_wire(model)

    def _openai_wire(self, model: Model) -> OpenAIWire:
        parameters = model.parameters
        secret = None
        if parameters.secret_name is not None:
            secret = self._secrets.resolve(parameters.secret_name)
        site = ROWS[model.model_type](model, secret)
        defaults = {
            name: msgspec.json.encode(value) for name, value in parameters.request_defaults.items()
        }
        patience = self._patient(parameters.timeout_s)
        return OpenAIWire(self._client, site, patience, defaults=defaults)

    def _patient(self, timeout_s: float | None) -> Patience:
        """Take a document's `timeout` as the longest silence, before the answer and within it."""
        patience = self._patience
        return (
            patience
            if timeout_s is None
            else patience._replace(first_byte_s=timeout_s, idle_s=timeout_s)
        )
