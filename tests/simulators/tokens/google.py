"""Google's token endpoint, security token service, IAM credentials and metadata server.

Requests: google-auth 2.63 (`google/oauth2/_client.py`, `google/oauth2/sts.py`,
`google/auth/impersonated_credentials.py`, `google/auth/compute_engine/_metadata.py`). Errors of
`/token`: Google's page "Using OAuth 2.0 for Server to Server Applications", and users of
google-auth who quoted them in public issues.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.http import Request
from tests.simulators.tokens.assertion import (
    KEY_ID,
    Claims,
    InvalidAssertionError,
    SigningKey,
    is_current,
)
from tests.simulators.tokens.issuing import IssuedToken, Mint, form_of, oauth_error

Json = dict[str, Any]

PROJECT = "simulated-project"
EMAIL = f"gateway@{PROJECT}.iam.gserviceaccount.com"
USER = "person@example.com"
POOL_AUDIENCE = (
    "//iam.googleapis.com/projects/1234567890/locations/global/workloadIdentityPools/pool"
    "/providers/provider"
)
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
# What google-auth writes into `aud` wherever `token_uri` points (`service_account.py`, 411).
AUDIENCE = "https://oauth2.googleapis.com/token"

METADATA = "/computeMetadata/v1/"
FLAVOR = ("metadata-flavor", "Google")

_SCOPES = "https://www.googleapis.com/auth/"
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
_JWT = "urn:ietf:params:oauth:token-type:jwt"
_GENERATE = f"/v1/projects/-/serviceAccounts/{EMAIL}:generateAccessToken"


class GoogleTokens:
    """Google's part of the token simulator. `url` gives the simulator's address."""

    def __init__(self, mint: Mint, url: Callable[[], str]) -> None:
        self.key = SigningKey()
        self.refresh_token = "1//simulated-refresh-token"
        self.client_id = "simulated.apps.googleusercontent.com"
        self.client_secret = "simulated-oauth-secret"
        self._mint = mint
        self._url = url

    # ----------------------------------------------------------------- documents of credentials

    def service_account_info(self) -> Json:
        """A service account's document, as Google gives it for download."""
        return {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": KEY_ID,
            "private_key": self.key.pem,
            "client_email": EMAIL,
            "client_id": "100000000000000000001",
            "auth_uri": "https://accounts.google.com/o/oauth2/auth",
            "token_uri": f"{self._url()}/token",
            "universe_domain": "googleapis.com",
        }

    def authorized_user_info(self) -> Json:
        """What `gcloud auth application-default login` leaves behind. google-auth takes no
        `token_uri` from it (`google/oauth2/credentials.py`, from_authorized_user_info): a test
        that uses google-auth makes `Credentials` with it itself.
        """
        return {
            "type": "authorized_user",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "token_uri": f"{self._url()}/token",
            "universe_domain": "googleapis.com",
        }

    def external_account_info(self, file: str, *, impersonate: bool = False) -> Json:
        """Workload identity federation, with the subject's token in a file."""
        info = {
            "type": "external_account",
            "audience": POOL_AUDIENCE,
            "subject_token_type": _JWT,
            "token_url": f"{self._url()}/v1/token",
            "credential_source": {"file": file},
        }
        return info | (
            {"service_account_impersonation_url": f"{self._url()}{_GENERATE}"}
            if impersonate
            else {}
        )

    # ---------------------------------------------------------------------------------- answers

    def answer(self, request: Request) -> Answer | None:
        """Google's answer; None for a path that is not Google's."""
        if request.path == "/" or request.path.startswith(METADATA):
            return self._metadata(request)
        serve = {
            "/token": self._token,
            "/v1/token": self._exchange,
            _GENERATE: self._generate,
        }.get(request.path)
        if serve is None:
            return None
        if request.method != "POST":
            raise oauth_error(405, "invalid_request", "Only POST is allowed.")
        return serve(request)

    def scope_of(self, request: Request) -> str | None:
        """The scope of a request, for the faults that are planned by it."""
        if request.path.startswith(METADATA):
            return (request.parameter("scopes") or "").replace(",", " ") or None
        try:
            fields = form_of(request)
            return fields.get("scope") or self.key.verified(fields["assertion"]).get("scope")
        except (RefusalError, InvalidAssertionError, KeyError):
            return None

    def _token(self, request: Request) -> Answer:
        fields = form_of(request)
        grant = fields.get("grant_type")
        if grant == _JWT_BEARER:
            return self._granted(self._by_assertion(fields.get("assertion", "")))
        if grant == "refresh_token":
            return self._granted(self._by_refresh_token(fields))
        raise oauth_error(400, "unsupported_grant_type", f"Invalid grant_type: {grant or ''}")

    def _by_assertion(self, assertion: str) -> IssuedToken:
        try:
            claims = self.key.verified(assertion)
        except InvalidAssertionError as error:
            raise oauth_error(400, "invalid_grant", "Invalid JWT Signature.") from error
        self._check(claims)
        scope = str(claims.get("scope") or "")
        if not scope or not all(part.startswith(_SCOPES) for part in scope.split()):
            words = "Invalid OAuth scope or ID token audience provided."
            raise oauth_error(400, "invalid_scope", words)
        return self._mint.issue("service_account", scope=scope, subject=EMAIL)

    def _check(self, claims: Claims) -> None:
        if claims.get("iss") != EMAIL:
            raise oauth_error(400, "invalid_grant", "Invalid grant: account not found")
        if claims.get("aud") not in (AUDIENCE, f"{self._url()}/token"):
            raise oauth_error(400, "invalid_grant", "Invalid JWT: Failed audience check.")
        if not is_current(claims, longest_s=3600):
            words = (
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
                "timeframe. Check your iat and exp values in the JWT claim."
            )
            raise oauth_error(400, "invalid_grant", words)

    def _by_refresh_token(self, fields: dict[str, str]) -> IssuedToken:
        given = (fields.get("client_id"), fields.get("client_secret"))
        if given != (self.client_id, self.client_secret):
            raise oauth_error(401, "invalid_client", "The OAuth client was not found.")
        if fields.get("refresh_token") != self.refresh_token:
            raise oauth_error(400, "invalid_grant", "Token has been expired or revoked.")
        scope = fields.get("scope") or CLOUD_PLATFORM
        return self._mint.issue("authorized_user", scope=scope, subject=USER)

    def _granted(self, token: IssuedToken) -> Answer:
        granted: Json = {
            "access_token": token.token,
            "expires_in": token.expires_in,
            "token_type": "Bearer",
        }
        if token.kind == "authorized_user":
            granted["scope"] = token.scope
        return json_answer(granted)

    # ------------------------------------------------------------- workload identity federation

    def subject_token(self) -> str:
        """A token of the provider that the pool trusts."""
        return self.key.sign({"iss": "https://idp.example", "sub": "job-7", "aud": POOL_AUDIENCE})

    def _exchange(self, request: Request) -> Answer:
        fields = form_of(request)
        if fields.get("grant_type") != _EXCHANGE:
            raise oauth_error(400, "unsupported_grant_type", "Invalid grant_type.")
        if fields.get("requested_token_type") != _ACCESS_TOKEN:
            raise oauth_error(400, "invalid_request", "Invalid requested_token_type.")
        try:
            claims = self.key.verified(fields.get("subject_token", ""))
        except InvalidAssertionError as error:
            words = "Unable to verify the signature of the ID Token."
            raise oauth_error(400, "invalid_grant", words) from error
        if claims["aud"] != fields.get("audience"):
            words = f"The audience in ID Token [{claims['aud']}] does not match the expected."
            raise oauth_error(400, "invalid_grant", words)
        token = self._mint.issue(
            "federated", scope=fields.get("scope", ""), subject=str(claims["sub"])
        )
        return json_answer(
            {
                "access_token": token.token,
                "issued_token_type": _ACCESS_TOKEN,
                "token_type": "Bearer",
                "expires_in": token.expires_in,
            }
        )

    def _generate(self, request: Request) -> Answer:
        """`generateAccessToken`: a federated token for one of the service account."""
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if bearer not in {token.token for token in self._mint.issued if token.kind == "federated"}:
            words = "Permission 'iam.serviceAccounts.getAccessToken' denied on resource."
            error = {"code": 403, "message": words, "status": "PERMISSION_DENIED"}
            raise RefusalError(403, words, envelope={"error": error})
        scopes = json.loads(request.body).get("scope") or []
        token = self._mint.issue("impersonated", scope=" ".join(scopes), subject=EMAIL)
        expires = datetime.fromtimestamp(token.expires_at, tz=UTC)
        return json_answer(
            {"accessToken": token.token, "expireTime": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}
        )

    # -------------------------------------------------------------------------- metadata server

    def _metadata(self, request: Request) -> Answer:
        if request.header("metadata-flavor") != "Google":
            return _text("Missing Metadata-Flavor:Google header.", status=403)
        path = request.path.removeprefix(METADATA).replace(EMAIL, "default")
        if path == "instance/service-accounts/default/token":
            scope = (request.parameter("scopes") or CLOUD_PLATFORM).replace(",", " ")
            token = self._mint.issue("metadata", scope=scope, subject=EMAIL)
            answer = self._granted(token)
            return Answer(200, (*answer.headers, FLAVOR), answer.body)
        if path == "instance/service-accounts/default/":
            account = {"aliases": ["default"], "email": EMAIL, "scopes": [CLOUD_PLATFORM]}
            return json_answer(account, headers=(FLAVOR,))
        text = {
            "/": "0.1/\ncomputeMetadata/\n",
            "project/project-id": PROJECT,
            "universe/universe-domain": "googleapis.com",
            "instance/service-accounts/default/email": EMAIL,
        }.get(path)
        return _text("not found", status=404) if text is None else _text(text)


def _text(text: str, *, status: int = 200) -> Answer:
    return Answer(status, (("content-type", "application/text"), FLAVOR), text.encode())
