"""Microsoft Entra ID: the token endpoint of a tenant, and the documents that msal reads first.

Requests: msal 1.39 (`msal/authority.py`, `msal/oauth2cli/oauth2.py`) and azure-identity 1.27.
Shape and words of the errors: answers that were quoted in public issues (microsoft-365-agents-
toolkit 8621 for the secret, microsoft/Agents 202 and azure-workload-identity 1200 for the federated
assertion), and Microsoft's list of AADSTS codes.
"""

import time
import uuid
from collections.abc import Callable
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.http import Request
from tests.simulators.tokens.assertion import (
    Claims,
    InvalidAssertionError,
    SigningKey,
    is_current,
)
from tests.simulators.tokens.issuing import Mint, form_of, oauth_error

TENANT = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "66666666-7777-8888-9999-000000000000"
SUBJECT = "system:serviceaccount:gateway:llmproxy"

_EXCHANGE_AUDIENCE = "api://AzureADTokenExchange"
_ISSUER = "https://oidc.cluster.example/"
_TOKEN = "/oauth2/v2.0/token"
_DISCOVERY = "/v2.0/.well-known/openid-configuration"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class EntraTokens:
    """A tenant with one application, that has a secret and trusts a cluster's service account."""

    def __init__(self, mint: Mint, url: Callable[[], str]) -> None:
        self.tenant = TENANT
        self.client_id = CLIENT_ID
        self.client_secret = "simulated~client~secret"
        self._key = SigningKey()
        self._mint = mint
        self._url = url

    def federated_token(self, *, subject: str = SUBJECT, lifetime_s: int = 3600) -> str:
        """A Kubernetes service account's token, as it lies in AZURE_FEDERATED_TOKEN_FILE."""
        now = int(time.time())
        issued = {"iss": _ISSUER, "iat": now, "exp": now + lifetime_s}
        return self._key.sign(issued | {"sub": subject, "aud": [_EXCHANGE_AUDIENCE]})

    def answer(self, request: Request) -> Answer | None:
        """Entra ID's answer; None for a path that is not its own."""
        if request.path == "/common/discovery/instance":
            return self._instance(request)
        for end, serve in ((_TOKEN, self._token), (_DISCOVERY, self._discovered)):
            if request.path.endswith(end):
                self._check_tenant(request.path.removesuffix(end).strip("/"))
                return serve(request)
        return None

    def scope_of(self, request: Request) -> str | None:
        """The scope of a request, for the faults that are planned by it."""
        try:
            return form_of(request).get("scope") if request.path.endswith(_TOKEN) else None
        except RefusalError:
            return None

    def _check_tenant(self, name: str) -> None:
        if name != self.tenant:
            words = f"Tenant '{name}' not found. Check to make sure you have the correct tenant ID"
            raise aadsts(400, "invalid_request", 90002, words)

    def _instance(self, request: Request) -> Answer:
        authority = (request.parameter("authorization_endpoint") or "").partition("/oauth2/")[0]
        if not authority.startswith(self._url()):
            raise oauth_error(400, "invalid_instance", "AADSTS50049: Unknown or invalid instance.")
        return json_answer(
            {
                "tenant_discovery_endpoint": f"{authority}{_DISCOVERY}",
                "api-version": "1.1",
                "metadata": [],
            }
        )

    def _discovered(self, _: Request) -> Answer:
        tenant = f"{self._url()}/{self.tenant}"
        return json_answer(
            {
                "token_endpoint": f"{tenant}{_TOKEN}",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "issuer": f"{tenant}/v2.0",
                "authorization_endpoint": f"{tenant}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{tenant}/oauth2/v2.0/devicecode",
                "jwks_uri": f"{tenant}/discovery/v2.0/keys",
                "response_types_supported": ["code", "id_token", "code id_token"],
                "subject_types_supported": ["pairwise"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
        )

    def _token(self, request: Request) -> Answer:
        fields = form_of(request)
        if fields.get("grant_type") != "client_credentials":
            words = "The app requested an unsupported grant type"
            raise aadsts(400, "unsupported_grant_type", 70003, words)
        if fields.get("client_id") != self.client_id:
            words = (
                f"Application with identifier '{fields.get('client_id')}' was not found in the "
                "directory 'Simulated'."
            )
            raise aadsts(400, "unauthorized_client", 700016, words)
        kind = self._authenticated(fields)
        scope = _checked_scope(fields.get("scope", ""))
        token = self._mint.issue(kind, scope=scope, subject=self.client_id)
        return json_answer(
            {
                "token_type": "Bearer",
                "expires_in": token.expires_in,
                "ext_expires_in": token.expires_in,
                "access_token": token.token,
            }
        )

    def _authenticated(self, fields: dict[str, str]) -> str:
        """How the application has shown who it is."""
        if "client_assertion" in fields:
            if fields.get("client_assertion_type") != _ASSERTION_TYPE:
                raise aadsts(400, "invalid_request", 900144, "client_assertion_type is missing.")
            self._check_assertion(fields["client_assertion"])
            return "client_assertion"
        if "client_secret" not in fields:
            words = (
                "The request body must contain the following parameter: 'client_assertion' or "
                "'client_secret'."
            )
            raise aadsts(401, "invalid_client", 7000218, words)
        if fields["client_secret"] != self.client_secret:
            words = (
                "Invalid client secret provided. Ensure the secret being sent in the request is "
                "the client secret value, not the client secret ID, for a secret added to app "
                f"'{self.client_id}'."
            )
            raise aadsts(401, "invalid_client", 7000215, words)
        return "client_secret"

    def _check_assertion(self, assertion: str) -> None:
        try:
            claims = self._key.verified(assertion)
        except InvalidAssertionError as error:
            words = "Client assertion failed signature validation."
            raise aadsts(401, "invalid_client", 700027, words) from error
        if not is_current(claims, longest_s=24 * 3600):
            words = "Client assertion is not within its valid time range."
            raise aadsts(401, "invalid_client", 700024, words)
        if not _is_trusted(claims):
            words = (
                "No matching federated identity record found for presented assertion subject "
                f"'{claims.get('sub')}'. Check your federated identity credential Subject, "
                "Audience and Issuer against the presented assertion."
            )
            raise aadsts(401, "invalid_client", 700213, words)


def _is_trusted(claims: Claims) -> bool:
    audience = claims.get("aud")
    return claims.get("sub") == SUBJECT and audience in (_EXCHANGE_AUDIENCE, [_EXCHANGE_AUDIENCE])


def _checked_scope(scope: str) -> str:
    """One resource's `/.default`: an application has no other scopes."""
    asked = [part for part in scope.split() if part not in {"openid", "profile", "offline_access"}]
    if len(asked) != 1 or not asked[0].endswith("/.default"):
        words = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have "
            "a scope value with /.default suffixed to the resource identifier (application ID URI)."
        )
        raise aadsts(400, "invalid_scope", 1002012, words)
    return asked[0]


def aadsts(status: int, error: str, code: int, words: str) -> RefusalError:
    """An error of Entra ID with its code."""
    at = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
    described = (
        f"AADSTS{code}: {words} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}"
    )
    envelope: dict[str, Any] = {
        "error": error,
        "error_description": described,
        "error_codes": [code],
        "timestamp": at,
        "trace_id": trace,
        "correlation_id": correlation,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return RefusalError(status, words, envelope=envelope)
