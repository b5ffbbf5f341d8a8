"""TLS of the gateway itself, from the settings."""

import asyncio

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.bootstrap.secrets import secret_chain
from llmproxy.config import SettingError, Settings
from llmproxy.domain.secret import Secret
from llmproxy.infra.server.tls import ServerTls, TlsFaulty, TlsFiles
from llmproxy.infra.telemetry.clock import SystemClock


def open_tls(settings: Settings) -> ServerTls | None:
    """Load what the settings name, None where that is no TLS; before any event loop runs.

    Raises SettingError.
    """
    if settings.tls is None:
        return None
    files = asyncio.run(tls_files(settings))
    try:
        return ServerTls(files)
    except TlsFaulty as error:
        raise SettingError(f"TLS_CERT_FILE, TLS_KEY_FILE: {error}") from None


async def tls_files(settings: Settings) -> TlsFiles:
    """Return where the parts are, with the key's password. Raises SettingError."""
    tls = settings.tls
    if tls is None:
        raise SettingError("TLS_CERT_FILE: it is not set")
    password = await _password(settings, tls.key_password_name)
    return TlsFiles(tls.cert_file, tls.key_file, password, tls.min_version, tls.client_ca_file)


async def _password(settings: Settings, name: str | None) -> Secret | None:
    if name is None:
        return None
    chain = secret_chain(settings, SystemClock())
    try:
        await chain.prepare([name])
        return chain.resolve(name)
    except SecretMissing as error:
        raise SettingError(f"TLS_KEY_PASSWORD_NAME: {error}") from None
    finally:
        await chain.close()
