"""What a document says of a model behind LiteLLM.

`parameters.litellm_model` is LiteLLM's name of the model, `secret_name` the key, `endpoint` stands
for the provider's own address. Every other parameter has LiteLLM's own name and goes to its
translator; one whose name ends in `_secret_name` is a reference, and its value goes there under the
name without that: `aws_secret_access_key_secret_name: PROD_AWS_SECRET`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from llmproxy.application.interfaces.secrets import SecretSource
from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete

REFERENCE: Final = "_secret_name"
_SECRET: Final = re.compile(r"secret|token$|password|credential|private|api_?key|access_key")


@dataclass(frozen=True, slots=True)
class Said:
    """A document's parameters with their secrets resolved; these are not shown."""

    name: str
    endpoint: str | None
    key: Secret | None
    options: Mapping[str, object] = field(repr=False)
    """By LiteLLM's names."""
    secrets: tuple[Secret, ...] = ()
    """The key and every option that is a secret."""

    def text(self, name: str) -> str | None:
        """Return an option that is text, None when it is not there."""
        value = self.options.get(name)
        return value if isinstance(value, str) and value else None

    def need(self, *names: str) -> str:
        """Return the first of these options that is there. Raises Incomplete."""
        found = next((text for text in map(self.text, names) if text), None)
        if found is None:
            raise Incomplete(f"parameters.{names[0]} is missing")
        return found

    def need_key(self) -> str:
        """Return the key. Raises Incomplete: LiteLLM would look for another in the environment."""
        if self.key is None:
            raise Incomplete("parameters.secret_name is missing")
        return self.key.expose()

    def need_endpoint(self, example: str) -> str:
        """Return the address, without a slash at its end. Raises Incomplete."""
        if not self.endpoint:
            raise Incomplete(f"parameters.endpoint is missing, such as {example}")
        return self.endpoint


def said(model: Model, secrets: SecretSource) -> Said:
    """Read a document. Raises Incomplete or SecretMissing."""
    parameters = model.parameters
    name = parameters.extra.get("litellm_model")
    if not isinstance(name, str) or not name.strip():
        raise Incomplete(
            "parameters.litellm_model is missing, such as mistral/mistral-large-latest"
        )
    key = None if parameters.secret_name is None else secrets.resolve(parameters.secret_name)
    endpoint = parameters.endpoint.rstrip("/") if parameters.endpoint else None
    options, hidden = _options(parameters, secrets)
    known = hidden if key is None else (key, *hidden)
    return Said(name.strip(), endpoint, key, options, known)


def _options(
    parameters: Parameters, secrets: SecretSource
) -> tuple[dict[str, object], tuple[Secret, ...]]:
    """Return the options, and which of their values are secrets."""
    hidden: list[Secret] = []
    options: dict[str, object] = {
        "api_version": parameters.api_version,
        "project_id": parameters.gcp_project,
        "region_name": parameters.location,
    }
    for name, value in parameters.extra.items():
        if name.endswith(REFERENCE):
            secret = _resolved(name, value, secrets)
            hidden.append(secret)
            options[name.removesuffix(REFERENCE)] = secret.expose()
        elif _SECRET.search(name):
            raise Incomplete(
                f"parameters.{name} holds a secret itself: put it into the environment or the"
                f" vault, and its name into parameters.{name}{REFERENCE}"
            )
        elif name != "litellm_model":
            options[name] = value
    said_options = {name: value for name, value in options.items() if value is not None}
    return said_options, tuple(hidden)


def _resolved(name: str, value: object, secrets: SecretSource) -> Secret:
    if not isinstance(value, str):
        raise Incomplete(f"parameters.{name} must be the name of a secret")
    return secrets.resolve(value)
