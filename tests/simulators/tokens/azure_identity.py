"""Managed identities of Azure: IMDS of a virtual machine, and the endpoint inside of App Service.

Requests and what is read of the answers: msal 1.39 (`msal/managed_identity.py`). Answers and errors
of IMDS: Microsoft's page "How to use managed identities … on an Azure VM to acquire an access
token" (2026); numbers are texts there. What App Service says to a wrong X-IDENTITY-HEADER was not
seen anywhere; msal reads `statusCode` and `message`.
"""

from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.http import Request
from tests.simulators.tokens.issuing import IssuedToken, Mint, oauth_error

IMDS = "/metadata/identity/oauth2/token"
APP_SERVICE = "/msi/token"
SYSTEM_ASSIGNED = "aaaaaaaa-0000-0000-0000-000000000001"
USER_ASSIGNED = "bbbbbbbb-0000-0000-0000-000000000002"

_NAMES = ("client_id", "object_id", "mi_res_id", "msi_res_id")


class ManagedIdentities:
    """A machine with an identity of its own and one user-assigned identity, `USER_ASSIGNED`."""

    def __init__(self, mint: Mint) -> None:
        self.identity_header = "simulated-identity-header"
        self._mint = mint

    def answer(self, request: Request) -> Answer | None:
        """The answer; None for a path that is neither endpoint's."""
        if request.path == IMDS:
            return self._imds(request)
        if request.path == APP_SERVICE:
            return self._app_service(request)
        return None

    def scope_of(self, request: Request) -> str | None:
        """The resource that a token is asked for, for the faults that are planned by it."""
        return request.parameter("resource") if request.path in (IMDS, APP_SERVICE) else None

    def _imds(self, request: Request) -> Answer:
        if request.header("metadata") != "true":
            raise oauth_error(400, "bad_request_102", "Required metadata header not specified")
        if request.header("x-forwarded-for") is not None:
            raise oauth_error(400, "invalid_request", "Requests must not be forwarded")
        if request.parameter("api-version") != "2018-02-01":
            raise oauth_error(400, "bad_request_102", "Required api-version is not specified")
        resource = request.parameter("resource")
        if not resource:
            raise oauth_error(400, "bad_request_102", "Required query variable 'resource'")
        identity = _identity(request)
        if identity is None:
            raise oauth_error(400, "invalid_request", "Identity not found")
        token = self._mint.issue("imds", scope=resource, subject=identity)
        return json_answer(
            _given(token)
            | {
                "expires_in": str(token.expires_in),
                "ext_expires_in": str(token.expires_in),
                "not_before": str(int(token.issued_at) - 300),
            }
        )

    def _app_service(self, request: Request) -> Answer:
        if request.header("x-identity-header") != self.identity_header:
            raise _app_service_error(401, "The X-IDENTITY-HEADER is missing or wrong.")
        if request.parameter("api-version") != "2019-08-01":
            raise _app_service_error(400, "The api-version is missing or not supported.")
        resource = request.parameter("resource")
        identity = _identity(request)
        if not resource or identity is None:
            raise _app_service_error(400, "No managed identity found for the resource.")
        return json_answer(
            _given(self._mint.issue("app_service", scope=resource, subject=identity))
        )


def _given(token: IssuedToken) -> dict[str, Any]:
    return {
        "access_token": token.token,
        "client_id": token.subject,
        "expires_on": str(token.expires_at),
        "resource": token.scope,
        "token_type": "Bearer",
    }


def _identity(request: Request) -> str | None:
    """The identity that is asked for; None where the machine has no such."""
    asked = [request.parameter(name) for name in _NAMES if request.parameter(name) is not None]
    if not asked:
        return SYSTEM_ASSIGNED
    return USER_ASSIGNED if asked == [USER_ASSIGNED] else None


def _app_service_error(status: int, message: str) -> RefusalError:
    return RefusalError(status, message, envelope={"statusCode": status, "message": message})
