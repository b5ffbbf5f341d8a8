"""The SDK's client of a key vault, and who the gateway is to it.

Azure's usual variables say that, as they do for models (azure-identity 1.27):

| environment | credential |
|---|---|
| AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET | ClientSecretCredential |
| AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_FEDERATED_TOKEN_FILE | WorkloadIdentityCredential |
| anything else | DefaultAzureCredential |

The SDKs are imported when a client is opened.
"""

import asyncio
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from aiohttp import ClientSession
    from azure.keyvault.secrets.aio import SecretClient

CONNECT_S: Final = 4
READ_S: Final = 5
CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class VaultClient:
    """The client with what has to be closed after it."""

    secrets: "SecretClient"
    credential: Any
    session: "ClientSession"

    async def close(self) -> None:
        """Close all connections."""
        await self.secrets.close()
        await self.credential.close()
        await self.session.close()


async def open_client(url: str, environment: Mapping[str, str]) -> VaultClient:
    """Return a client that tries each request once. Raises ImportError without the SDKs."""
    # Importing them and reading the authorities takes too long for the event loop.
    trust = await asyncio.get_running_loop().run_in_executor(None, _prepared, environment)

    from aiohttp import ClientSession, DummyCookieJar, TCPConnector  # noqa: PLC0415

    # As azure-core 1.41 makes its own (`pipeline/transport/_aiohttp.py`), but for the TLS context:
    # it would read a file of authorities anew for each request.
    session = ClientSession(
        connector=TCPConnector(ssl=trust, limit=CONNECTIONS),
        trust_env=True,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
    )
    try:
        return _made(url, environment, session)
    except BaseException:
        await session.close()
        raise


def _made(url: str, environment: Mapping[str, str], session: "ClientSession") -> VaultClient:
    from azure.core.pipeline.transport import AioHttpTransport  # noqa: PLC0415
    from azure.keyvault.secrets.aio import SecretClient  # noqa: PLC0415

    transport = AioHttpTransport(
        session=session, session_owner=False, connection_timeout=CONNECT_S, read_timeout=READ_S
    )
    options: dict[str, Any] = {"retry_total": 0, "transport": transport}
    credential = _credential(environment, options)
    # Whether a challenge belongs to this vault's domain is always verified: the token that it asks
    # for would open every vault that this gateway may read.
    client = SecretClient(url, credential, permit_redirects=False, **options)
    return VaultClient(client, credential, session)


def _prepared(environment: Mapping[str, str]) -> ssl.SSLContext:
    """Import the SDKs, and return whom to trust: what SSL_CERT_FILE names, else the system's."""
    import azure.core.pipeline.transport._aiohttp  # noqa: PLC0415
    import azure.identity.aio  # noqa: PLC0415
    import azure.keyvault.secrets.aio  # noqa: F401, PLC0415

    # What fails is told by the chain, in one line; the SDKs also log every request.
    for name in ("azure", "msal", "urllib3"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    file = environment.get("SSL_CERT_FILE", "").strip()
    return ssl.create_default_context(cafile=file or None)


def _credential(environment: Mapping[str, str], options: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return one of azure-identity's asynchronous credentials."""
    from azure.identity import aio  # noqa: PLC0415

    def said(name: str) -> str:
        return environment.get(name, "").strip()

    authority = said("AZURE_AUTHORITY_HOST")
    if authority:
        options = options | {"authority": authority, "disable_instance_discovery": True}
    tenant, client = said("AZURE_TENANT_ID"), said("AZURE_CLIENT_ID")
    secret, file = said("AZURE_CLIENT_SECRET"), said("AZURE_FEDERATED_TOKEN_FILE")
    if tenant and client and secret:
        return aio.ClientSecretCredential(tenant, client, secret, **options)
    if tenant and client and file:
        return aio.WorkloadIdentityCredential(
            tenant_id=tenant, client_id=client, token_file_path=file, **options
        )
    return aio.DefaultAzureCredential(
        managed_identity_client_id=client or None,
        exclude_shared_token_cache_credential=True,
        exclude_visual_studio_code_credential=True,
        **options,
    )
