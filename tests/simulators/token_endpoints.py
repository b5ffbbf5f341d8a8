"""Everything that gives out access tokens: Google's OAuth endpoint, security token service and
metadata server; Microsoft Entra ID, IMDS and App Service's endpoint.

By hand: `python -m tests.simulators.token_endpoints --port 9009` (needs `cryptography`). Each token
is another one (`tok-1`, `tok-2` …), valid for `expires_in` seconds, and stands in `tokens` with its
scope. Faults are matched by the scope or resource as the `model`, or by the path.

How a client is led here: Google by `token_uri` of the document, `GCE_METADATA_HOST` (and
`GCE_METADATA_IP`, which google-auth asks whether it is on GCE at all); managed identities by
`AZURE_POD_IDENTITY_AUTHORITY_HOST`, or `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`; Entra ID by
`authority` or `AZURE_AUTHORITY_HOST`, which azure-identity takes over https only: give `tls`, and
let the client trust the certificate (`connection_verify=file`). msal asks
login.microsoftonline.com about an authority that it does not know unless
`disable_instance_discovery=True`.
"""

import ssl
from typing import Any

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.faults import Fault
from tests.simulators.http import Request
from tests.simulators.recording import RecordedRequest
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator
from tests.simulators.tokens.azure_identity import APP_SERVICE, IMDS, ManagedIdentities
from tests.simulators.tokens.entra import EntraTokens, aadsts
from tests.simulators.tokens.google import GoogleTokens
from tests.simulators.tokens.issuing import IssuedToken, Mint, oauth_error

_TOKEN_ENDS = ("/token", ":generateAccessToken")


class TokenSimulator(Simulator):
    """All token endpoints at one address; `expires_in` may be changed while it runs."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        expires_in: int = 3600,
        always: str | None = None,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self._mint = Mint(expires_in, always)
        self.google = GoogleTokens(self._mint, lambda: self.url)
        self.entra = EntraTokens(self._mint, lambda: self.url)
        self.identities = ManagedIdentities(self._mint)
        self._from_entra = False

    # --------------------------------------------------------------------------- what a test uses

    @property
    def expires_in(self) -> int:
        """Seconds for which the next token is valid."""
        return self._mint.expires_in

    @expires_in.setter
    def expires_in(self, seconds: int) -> None:
        self._mint.expires_in = seconds

    @property
    def tokens(self) -> list[IssuedToken]:
        """The tokens that clients got, in their order."""
        return self._mint.issued

    @property
    def token_requests(self) -> list[RecordedRequest]:
        """The requests for a token, granted or not; without those for discovery."""
        return [each for each in self.requests if each.path.endswith(_TOKEN_ENDS)]

    @property
    def metadata_host(self) -> str:
        """What GCE_METADATA_HOST is, and GCE_METADATA_IP."""
        return f"127.0.0.1:{self.port}"

    @property
    def identity_endpoint(self) -> str:
        """What IDENTITY_ENDPOINT is inside of App Service."""
        return f"{self.url}{APP_SERVICE}"

    def service_account_info(self) -> dict[str, Any]:
        """The document of a Google service account whose `token_uri` is here."""
        return self.google.service_account_info()

    def authorized_user_info(self) -> dict[str, Any]:
        """The document of a person's application default credentials."""
        return self.google.authorized_user_info()

    def reset(self) -> None:
        """Forget requests, faults and tokens; the numbers of tokens go on."""
        super().reset()
        self._mint.issued.clear()

    # ------------------------------------------------------------------------ what the vendors do

    def answer(self, request: Request) -> Answer:
        self._from_entra = "/oauth2/v2.0/" in request.path
        for vendor in (self.google, self.entra, self.identities):
            answer = vendor.answer(request)
            if answer is not None:
                return answer
        raise oauth_error(404, "not_found", f"There is no {request.method} {request.path}.")

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status)

    def failure(self, status: int) -> RefusalError:
        """What the vendor of the last request says when it fails so."""
        if self._from_entra:
            words = "The service is temporarily unavailable. Please retry later."
            name = "temporarily_unavailable" if status >= 429 else "invalid_client"
            return aadsts(status, name, 90033, words)
        name = "internal_failure" if status >= 500 else "invalid_grant"
        return oauth_error(status, name, f"The simulated failure {status}.")

    def model_of(self, request: Request) -> str | None:
        if request.path in (IMDS, APP_SERVICE):
            return self.identities.scope_of(request)
        if request.path.endswith("/oauth2/v2.0/token"):
            return self.entra.scope_of(request)
        return self.google.scope_of(request)

    def _disturbed(self, request: Request, fault: Fault | None) -> Answer:
        """A token in whose place an error is answered was not issued."""
        before = len(self._mint.issued)
        answer = super()._disturbed(request, fault)
        if answer.status != 200:
            del self._mint.issued[before:]
        return answer


def main() -> None:
    """Serve by hand."""
    parser = parser_for(__doc__)
    parser.add_argument("--expires-in", type=int, default=3600, help="seconds")
    options = parser.parse_args()
    run(
        lambda: TokenSimulator(
            port=options.port, tls=tls_from(options), expires_in=options.expires_in
        )
    )


if __name__ == "__main__":
    main()
