"""Who the gateway is at Microsoft Entra ID, where an Azure document says so instead of a key."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from llmproxy.domain.fields import Fields
from llmproxy.domain.secret_reference import looks_literal
from llmproxy.domain.vendor import match

DEFAULT_SCOPE: Final = "https://cognitiveservices.azure.com/.default"
"""Azure OpenAI and Foundry alike take it (learn.microsoft.com/azure/ai-foundry/openai/how-to/
managed-identity, 2026-11); Foundry's newer pages say https://ai.azure.com/.default."""

IDENTITY_FIELDS: Final = frozenset(
    {"auth", "tenant_id", "client_id", "client_secret_name", "scope"}
)
_API_KEY: Final = "api_key"
_ALIASES: Final = {"azure_ad": "entra"}
_GUID: Final = re.compile(r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_REFERENCE: Final = re.compile(r"[A-Z][A-Z0-9_-]*")
_ID: Final = re.compile(r"[A-Za-z0-9.-]{1,128}")
_SCOPE: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,240}/\.default")


class Auth(StrEnum):
    """How the identity is shown; `ENTRA` takes what the document and the environment give."""

    ENTRA = "entra"
    MANAGED_IDENTITY = "managed_identity"
    WORKLOAD_IDENTITY = "workload_identity"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the document says of it; what it leaves out comes from Azure's usual variables."""

    auth: Auth
    scope: str = DEFAULT_SCOPE
    tenant_id: str | None = None
    client_id: str | None = None
    client_secret_name: str | None = None
    """Name of the application's secret in the environment or the vault."""


def read_identity(
    fields: Fields, environment: Mapping[str, str], unresolved: list[str]
) -> Identity | None:
    """Read the identity of an Azure document; None where it uses an API key.

    Ids may name a variable; names that lead nowhere are added to `unresolved`.
    """
    auth = _auth(fields)
    if auth is None:
        _warn_of_idle_fields(fields)
        return None
    for name in ("secret_name", "api_key"):
        if fields.values.get(name) is not None:
            message = f"names an API key, which auth {auth} does not use"
            fields.problem(name, message, "client_secret_name names an application's secret")
    scope = fields.text("scope")
    if scope is not None and not _SCOPE.fullmatch(scope):
        fields.problem("scope", "must end in /.default, such as https://ai.azure.com/.default")
    return Identity(
        auth,
        scope or DEFAULT_SCOPE,
        _id(fields, "tenant_id", environment, unresolved),
        _id(fields, "client_id", environment, unresolved),
        _client_secret_name(fields),
    )


def _auth(fields: Fields) -> Auth | None:
    written = fields.text("auth")
    if written is None:
        return None
    known = [*Auth, _API_KEY]
    found = match(written, [*known, *_ALIASES])
    if found is None:
        fields.problem("auth", "is not known", f"known are {', '.join(known)}")
        return None
    found = _ALIASES.get(found, found)
    return None if found == _API_KEY else Auth(found)


def _warn_of_idle_fields(fields: Fields) -> None:
    for name in sorted(IDENTITY_FIELDS - {"auth"}):
        if fields.values.get(name) is not None:
            fields.warn(name, "means nothing with an API key", 'for Entra ID say "auth": "entra"')


def _id(
    fields: Fields, name: str, environment: Mapping[str, str], unresolved: list[str]
) -> str | None:
    written = fields.text(name)
    if written is None:
        return None
    if _REFERENCE.fullmatch(written) and not _GUID.fullmatch(written):
        value = environment.get(written, "").strip()
        if not value:
            unresolved.append(name)
            fields.warn(name, f"the variable {written} is not set: not callable yet")
            return written
        written = value
    if not _ID.fullmatch(written):
        fields.problem(name, "must be an id: letters, digits, dots and hyphens")
        return None
    return written


def _client_secret_name(fields: Fields) -> str | None:
    name = fields.text("client_secret_name")
    if name is None or not looks_literal(name):
        return name
    fields.problem(
        "client_secret_name",
        "looks like a secret itself",
        "put the secret into the environment or the vault, and its name here",
    )
    return None
