"""Secrets in Azure Key Vault, asked for through azure-keyvault-secrets.

Each question is asked once: `SecretChain` owns the repetition.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from llmproxy.infra.secrets.vault_client import VaultClient, open_client

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

LIMIT_S: Final = 8.0
"""Longest that one question takes, a new token and a new connection included."""
MAX_WORDS: Final = 300
_NAME: Final = re.compile(r"[0-9A-Za-z-]{1,127}")
"""learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates, "Object
identifiers": 1 to 127 characters, only 0-9, a-z, A-Z and - (2026-11)."""
_TOKEN_LIKE: Final = re.compile(r"[A-Za-z0-9_+=-]{40,}")
_ABSENT: Final = frozenset({"SecretNotFound", "SecretDisabled"})
"""What Key Vault calls a secret that is not there (a 404), and one that was switched off (a 403
whose inner error says so: azure-sdk-for-js issue 24756)."""


class VaultAway(Exception):
    """The vault does not answer, or does not let this gateway in at all; the words hold no secret.

    `retry_after_s` is what the vault itself asks to wait, None when it said nothing.
    """

    def __init__(self, words: str, retry_after_s: float | None = None) -> None:
        super().__init__(words)
        self.retry_after_s = retry_after_s


class SecretRefused(Exception):
    """The vault keeps this one secret from the gateway (403); others it may give.

    Words of both are a predicate: "the vault …".
    """


def vault_name(reference: str) -> str | None:
    """Return what a vault calls the secret; None when no secret there can have such a name.

    A vault takes no underscores: AZURE_OPENAI_API_KEY is AZURE-OPENAI-API-KEY there.
    """
    name = reference.replace("_", "-")
    return name if _NAME.fullmatch(name) else None


class VaultSecrets:
    """One vault. `url` is such as https://my-vault.vault.azure.net."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self._environment = environment
        self._opening: asyncio.Task[VaultClient] | None = None

    async def fetch(self, name: str) -> str | None:
        """Return the newest value, None when the vault says that it has none (or a disabled one).

        Raises VaultAway or SecretRefused.
        """
        try:
            async with asyncio.timeout(LIMIT_S):
                client = await self._opened()
                found = await client.secrets.get_secret(name)
        except TimeoutError:
            raise VaultAway(f"did not answer within {LIMIT_S:g} s") from None
        except ImportError:
            raise VaultAway("needs azure-keyvault-secrets and azure-identity") from None
        except Exception as error:  # noqa: BLE001 - what azure-identity raises has no common root
            failure = self._meant(error)
            if failure is None:
                return None
            raise failure from None
        if found.value is None:
            raise VaultAway("answers without a value")
        return found.value

    async def close(self) -> None:
        """Close the connections."""
        opening, self._opening = self._opening, None
        if opening is None:
            return
        opened = await asyncio.gather(opening, return_exceptions=True)
        for client in opened:
            if isinstance(client, VaultClient):
                await client.close()

    async def _opened(self) -> VaultClient:
        if self._opening is None:
            self._opening = asyncio.create_task(open_client(self.url, self._environment))
        opening = self._opening
        try:
            return await asyncio.shield(opening)
        except Exception:
            if self._opening is opening:
                self._opening = None  # the next question tries again
            raise

    def _meant(self, error: Exception) -> VaultAway | SecretRefused | None:
        """Say what an error of the SDK means; None for a secret that is not there."""
        from azure.core.exceptions import (  # noqa: PLC0415
            ClientAuthenticationError,
            HttpResponseError,
        )

        words = self._told(error)
        if isinstance(error, ClientAuthenticationError):
            return VaultAway(f"does not let this gateway in: {words}")
        if not isinstance(error, HttpResponseError) or error.status_code is None:
            return VaultAway(f"cannot be reached: {words}")
        status = error.status_code
        if not _ABSENT.isdisjoint(_codes(error)):
            return None
        if status == 429 or status >= 500:
            return VaultAway(f"answers with HTTP {status}: {words}", _pause(error))
        return SecretRefused(f"refuses it with HTTP {status}: {words}")

    def _told(self, error: Exception) -> str:
        # The SDK's first line says it all; further ones repeat it.
        said = str(error).strip().partition("\n")[0].strip() or type(error).__name__
        own = self._environment.get("AZURE_CLIENT_SECRET", "").strip()
        if own:
            said = said.replace(own, "*****")
        said = _TOKEN_LIKE.sub("*****", said)
        return said if len(said) <= MAX_WORDS else f"{said[:MAX_WORDS]}…"


def _codes(error: "HttpResponseError") -> set[str]:
    """Return the code of an error of Key Vault and those of its inner errors."""
    codes: set[str] = set()
    body = error.error
    if body is None:
        return codes
    codes.add(str(body.code))
    inner: object = body.innererror
    for _ in range(5):
        if not isinstance(inner, dict):
            break
        codes.add(str(inner.get("code")))
        inner = inner.get("innererror")
    return codes


def _pause(error: "HttpResponseError") -> float | None:
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    said = headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() else None
