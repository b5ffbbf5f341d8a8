"""Azure Key Vault: the secrets of one vault, behind its challenge.

It takes the tokens of an issuer in the same process (`tests.simulators.token_endpoints`). Faults
are matched by the name of the secret as the `model`.

Requests and the challenge: azure-keyvault-secrets 4.12 (`_shared/async_challenge_auth_policy.py`,
`_generated/aio/_operations`). Answers: Microsoft's REST page "Get Secret", api-version 7.4 to
2026-04-01. Words and codes of errors: what users quoted in public issues (azure-sdk-for-js 24756
for a disabled secret), and Microsoft's page "Azure Key Vault REST API error codes".

The SDK takes a challenge only when the vault's host lies under the domain of the challenge's
`resource`: vault.azure.net for real vaults. A vault at 127.0.0.1 says `https://0.0.1:port`, the
"domain" that it lies under, so that no client needs to switch that verification off.
"""

import re
import ssl
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.http import Request
from tests.simulators.simulator import Simulator
from tests.simulators.token_endpoints import TokenSimulator

_PATH = re.compile(r"/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9a-f]{32})?)?")
_VERSIONS = re.compile(r"7\.[0-6]|2016-10-01|20(?:25|26)-\d\d-\d\d")
MAX_VALUE_BYTES = 25_600


@dataclass(slots=True)
class StoredSecret:
    """The versions of one secret, the newest last."""

    versions: dict[str, str] = field(default_factory=dict)
    enabled: bool = True
    forbidden: bool = False


class KeyVaultSimulator(Simulator):
    """One vault, which takes tokens of `issuer` that were asked for its own resource."""

    def __init__(
        self,
        issuer: TokenSimulator,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.issuer = issuer
        self.secrets: dict[str, StoredSecret] = {}
        self.resource: str | None = None

    # --------------------------------------------------------------------------- what a test uses

    def keep(self, name: str, value: str) -> str:
        """Store a new version of a secret, which is the one that is given from now on; its id."""
        if not re.fullmatch(r"[0-9A-Za-z-]{1,127}", name):
            raise ValueError(f"no secret can be called {name}")
        if len(value.encode()) > MAX_VALUE_BYTES:
            raise ValueError("no secret can be so long")
        version = uuid.uuid4().hex
        # Names are told apart without regard to capitals.
        self.secrets.setdefault(name.lower(), StoredSecret()).versions[version] = value
        return version

    def drop(self, name: str) -> None:
        """Delete a secret."""
        del self.secrets[name.lower()]

    def stored(self, name: str) -> StoredSecret:
        """A secret, to switch it off or to forbid it."""
        return self.secrets[name.lower()]

    @property
    def asked(self) -> list[str]:
        """The names of the secrets that were asked for with a good token, in their order."""
        return [self.model_of_path(each.path) or "" for each in self.requests if each.status != 401]

    # ------------------------------------------------------------------------- what the vendor does

    def answer(self, request: Request) -> Answer:
        self._check_token(request)
        found = _PATH.fullmatch(request.path)
        if found is None:
            raise _error(404, "NotFound", f"There is no {request.path}.")
        if request.method != "GET":
            raise _error(405, "BadParameter", f"Method {request.method} is not allowed.")
        if not _VERSIONS.fullmatch(request.parameter("api-version") or ""):
            raise _error(400, "BadParameter", "api-version must be specified")
        return self._secret(found[1], found[2])

    def _secret(self, name: str, version: str | None) -> Answer:
        stored = self.secrets.get(name.lower())
        if stored is None or (version and version not in stored.versions):
            shown = f"{name}/{version}" if version else name
            words = (
                f"A secret with (name/id) {shown} was not found in this key vault. If you recently "
                "deleted this secret you may be able to recover it using the correct recovery "
                "command. For help resolving this issue, please see https://go.microsoft.com/fwlink"
                "/?linkid=2125182"
            )
            raise _error(404, "SecretNotFound", words)
        if stored.forbidden:
            words = (
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, "
                "deny assignments or role definitions were changed recently, please observe "
                f"propagation time.\r\nCaller: appid={self.issuer.entra.client_id};oid=o;iss=i\r\n"
                "Action: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: 'r'\r\n"
                "Assignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: null"
            )
            raise _error(403, "Forbidden", words, inner="ForbiddenByRbac")
        if not stored.enabled:
            words = "Operation get is not allowed on a disabled secret."
            raise _error(403, "Forbidden", words, inner="SecretDisabled")
        version = version or list(stored.versions)[-1]
        now = int(time.time())
        return json_answer(
            {
                "value": stored.versions[version],
                "id": f"{self.url}/secrets/{name}/{version}",
                "attributes": {
                    "enabled": True,
                    "created": now,
                    "updated": now,
                    "recoveryLevel": "Recoverable+Purgeable",
                    "recoverableDays": 90,
                },
                "tags": {},
            }
        )

    def _check_token(self, request: Request) -> None:
        shown = (request.header("authorization") or "").removeprefix("Bearer ")
        if not shown:
            raise _error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.")
        issued = next((each for each in self.issuer.tokens if each.token == shown), None)
        if issued is None or issued.expires_at <= time.time():
            raise _error(401, "Unauthorized", "AKV10032: Invalid issuer, or the token expired.")
        if issued.scope != f"{self._resource()}/.default":
            raise _error(401, "Unauthorized", "AKV10022: Invalid audience.")

    def _resource(self) -> str:
        return self.resource or f"https://0.0.1:{self.port}"

    def refusal(self, error: RefusalError) -> Answer:
        """A refusal; a 401 says where a token is had and for what, as Key Vault does."""
        headers: tuple[tuple[str, str], ...] = ()
        if error.status == 401:
            authority = f"{self.issuer.url}/{self.issuer.entra.tenant}"
            challenge = f'Bearer authorization="{authority}", resource="{self._resource()}"'
            headers = (("www-authenticate", challenge),)
        return json_answer(error.envelope, status=error.status, headers=headers)

    def failure(self, status: int) -> RefusalError:
        if status == 429:
            words = (
                "Request was not processed because too many requests were received. Reason: "
                "VaultRequestTypeLimitReached"
            )
            return _error(429, "Throttled", words)
        return _error(status, "InternalServerError", "The service encountered an error.")

    def model_of(self, request: Request) -> str | None:
        return self.model_of_path(request.path)

    @staticmethod
    def model_of_path(path: str) -> str | None:
        """The secret that a path names."""
        found = _PATH.fullmatch(path)
        return found[1] if found else None


def _error(status: int, code: str, words: str, *, inner: str | None = None) -> RefusalError:
    error: dict[str, Any] = {"code": code, "message": words}
    if inner is not None:
        error["innererror"] = {"code": inner}
    return RefusalError(status, words, envelope={"error": error})
