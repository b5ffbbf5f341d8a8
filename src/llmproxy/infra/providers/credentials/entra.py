"""Tokens of Microsoft Entra ID, through azure-identity.

Which of its credentials a document leads to (azure-identity 1.27):

| document and environment | credential |
|---|---|
| `client_secret_name`, or AZURE_CLIENT_SECRET | ClientSecretCredential |
| AZURE_FEDERATED_TOKEN_FILE, or `auth: workload_identity` | WorkloadIdentityCredential |
| `client_id`, or `auth: managed_identity` | ManagedIdentityCredential |
| nothing | DefaultAzureCredential |

Tenant and client come from the document, else from AZURE_TENANT_ID and AZURE_CLIENT_ID. Each
renewal makes a new credential: none holds a token that a provider has refused, and files and
secrets that were replaced are read again.
"""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.domain.identity import Auth, Identity
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.token import (
    CredentialFailed,
    Source,
    Token,
    quiet,
    told,
    trusted_file,
)

if TYPE_CHECKING:
    from azure.core.credentials import SupportsTokenInfo

CLIENT_SECRET: Final = "AZURE_CLIENT_SECRET"  # noqa: S105 - the name of a variable
TENANT: Final = "AZURE_TENANT_ID"
CLIENT: Final = "AZURE_CLIENT_ID"
TOKEN_FILE: Final = "AZURE_FEDERATED_TOKEN_FILE"  # noqa: S105 - the name of a variable
AUTHORITY: Final = "AZURE_AUTHORITY_HOST"
CONNECT_S: Final = 5
READ_S: Final = 10
RETRIES: Final = 2

Options = Mapping[str, Any]
Made = AbstractContextManager["SupportsTokenInfo"]
Make = Callable[[Options], Made]


class NotConfigured(ValueError):
    """Document and environment do not make an identity; the message says what is missing."""


def entra(identity: Identity, secrets: SecretSource, environment: Mapping[str, str]) -> Source:
    """Return where this identity's tokens come from. Raises NotConfigured or SecretMissing."""
    return _Chosen(identity, secrets, environment).source()


class _Chosen:
    """An identity and what the environment adds to it."""

    def __init__(
        self, identity: Identity, secrets: SecretSource, environment: Mapping[str, str]
    ) -> None:
        self._identity = identity
        self._secrets = secrets
        self._environment = environment
        self._tenant = identity.tenant_id or self._variable(TENANT)
        self._client = identity.client_id or self._variable(CLIENT)
        self._secret_name = self._chosen_secret()

    def _variable(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def _chosen_secret(self) -> str | None:
        """Return the name of the application's secret, None where it has another proof.

        AZURE_CLIENT_SECRET belongs to AZURE_CLIENT_ID, not to another client of a document's.
        """
        identity = self._identity
        if identity.auth is not Auth.ENTRA or identity.client_secret_name:
            return identity.client_secret_name
        is_its_own = identity.client_id in (None, self._variable(CLIENT))
        return CLIENT_SECRET if self._variable(CLIENT_SECRET) and is_its_own else None

    def source(self) -> Source:
        """Choose. Raises NotConfigured or SecretMissing."""
        identity = self._identity
        by_file = identity.auth is Auth.ENTRA and self._variable(TOKEN_FILE)
        if identity.auth is Auth.WORKLOAD_IDENTITY or (by_file and not self._secret_name):
            return self._by_file()
        if identity.auth is Auth.MANAGED_IDENTITY:
            return self._managed()
        if self._secret_name:
            return self._by_secret(self._secret_name)
        return self._managed() if identity.client_id else self._default()

    def _by_secret(self, name: str) -> Source:
        self._need(f"the client secret {name}", (TENANT, self._tenant), (CLIENT, self._client))
        self._secrets.resolve(name)
        tenant, client = self._tenant, self._client

        def make(options: Options) -> Made:
            from azure.identity import ClientSecretCredential  # noqa: PLC0415

            secret = self._secrets.resolve(name).expose()
            return ClientSecretCredential(tenant, client, secret, **options)

        return self._source("client secret", f"client {client}, secret {name}", make, name)

    def _by_file(self) -> Source:
        file = self._variable(TOKEN_FILE)
        needs = ((TENANT, self._tenant), (CLIENT, self._client), (TOKEN_FILE, file))
        self._need("a workload identity", *needs)
        tenant, client = self._tenant, self._client

        def make(options: Options) -> Made:
            from azure.identity import WorkloadIdentityCredential  # noqa: PLC0415

            return WorkloadIdentityCredential(
                tenant_id=tenant, client_id=client, token_file_path=file, **options
            )

        return self._source("workload identity", f"workload identity of client {client}", make)

    def _managed(self) -> Source:
        client = self._identity.client_id

        def make(options: Options) -> Made:
            from azure.identity import ManagedIdentityCredential  # noqa: PLC0415

            options = {name: value for name, value in options.items() if name not in _OF_ENTRA}
            return ManagedIdentityCredential(client_id=client, **options)

        return self._source(
            "managed identity", f"managed identity {client or 'of the system'}", make
        )

    def _default(self) -> Source:
        def make(options: Options) -> Made:
            from azure.identity import DefaultAzureCredential  # noqa: PLC0415

            # Neither belongs to a server, and both read files of a desktop.
            return DefaultAzureCredential(
                exclude_shared_token_cache_credential=True,
                exclude_visual_studio_code_credential=True,
                exclude_broker_credential=True,
                **options,
            )

        return self._source("default", "Azure's default credential", make)

    def _need(self, what: str, *needs: tuple[str, str]) -> None:
        missing = [name for name, value in needs if not value]
        if missing:
            raise NotConfigured(
                f"{what} needs {' and '.join(map(_place, missing))}, which nothing gives"
            )

    def _source(self, how: str, name: str, make: Make, secret_name: str | None = None) -> Source:
        identity = self._identity
        client = identity.client_id or "" if how == "managed identity" else self._client
        key = ("entra", how, self._tenant, client, secret_name or "", identity.scope)

        def fetch() -> Token:
            return _fetched(make, identity.scope, self._environment, self._hidden())

        return Source(key, f"Entra ID, {name} ({identity.scope})", fetch)

    def _hidden(self) -> tuple[Secret, ...]:
        try:
            return (self._secrets.resolve(self._secret_name),) if self._secret_name else ()
        except SecretMissing as error:
            raise CredentialFailed(str(error)) from None


_OF_ENTRA: Final = frozenset({"authority", "disable_instance_discovery"})


def _place(variable: str) -> str:
    fields = {TENANT: "parameters.tenant_id", CLIENT: "parameters.client_id"}
    return f"{fields[variable]} or {variable}" if variable in fields else variable


def _fetched(
    make: Make, scope: str, environment: Mapping[str, str], hidden: tuple[Secret, ...]
) -> Token:
    quiet("azure", "msal", "urllib3")
    try:
        with make(_options(environment)) as credential:
            info = credential.get_token_info(scope)
    except ImportError:
        raise CredentialFailed("azure-identity is not installed") from None
    except Exception as error:  # noqa: BLE001 - what azure-identity raises has no common root
        raise CredentialFailed(told(error, hidden)) from None
    return Token(Secret(info.token), float(info.expires_on))


def _options(environment: Mapping[str, str]) -> Options:
    options: dict[str, Any] = {
        "connection_timeout": CONNECT_S,
        "read_timeout": READ_S,
        "retry_total": RETRIES,
        "connection_verify": trusted_file(environment) or True,
    }
    authority = environment.get(AUTHORITY, "").strip()
    if authority:
        # msal asks Microsoft's public cloud whether it knows an authority; a private one it cannot.
        options |= {"authority": authority, "disable_instance_discovery": True}
    return options
