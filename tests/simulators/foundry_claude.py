"""Claude in Microsoft Foundry: `POST /anthropic/v1/messages` and `…/count_tokens` at a resource's
host. A deployment's name is the body's `model`.

By hand: `python -m tests.simulators.foundry_claude --port 9001`, then
`AnthropicFoundry(base_url="http://127.0.0.1:9001/anthropic", api_key="azure-key")`.

The wire is Anthropic's; what Azure's front end refuses (the key, the deployment, its quota) is said
in Azure's envelope. Keys: `lib/foundry.py` of anthropic 2.12.0 (`x-api-key` and `api-key`, or a
bearer), owndev/Open-WebUI-Functions issue 97 (the key as bearer). No `anthropic-ratelimit-*`:
platform.claude.com, "Claude in Microsoft Foundry".
"""

import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, Headers, RefusalError
from tests.simulators.anthropic_wire.errors import decoded
from tests.simulators.anthropic_wire.errors import failure as anthropic_failure
from tests.simulators.anthropic_wire.models import MODELS, ClaudeModel
from tests.simulators.anthropic_wire.service import settled, version_of
from tests.simulators.anthropic_wire.simulator import MAX_REQUEST_BYTES, ClaudeSimulator
from tests.simulators.azure import azure_error, not_found
from tests.simulators.faults import fault_named
from tests.simulators.http import Request
from tests.simulators.rules import named_model
from tests.simulators.runner import parser_for, run, tls_from

_ROOT = "/anthropic/v1/"
_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)
_LIMITED = (
    "Your requests to this deployment have exceeded its rate limit. Please retry after 1 second."
)
_FRONT: Mapping[int, tuple[str, str]] = {
    401: ("401", _DENIED),
    429: ("RateLimitReached", _LIMITED),
}

# Deployments, by their names; those of the models are what Foundry proposes.
DEPLOYMENTS: Mapping[str, ClaudeModel] = {**MODELS, "my-claude": MODELS["claude-sonnet-4-5"]}


class FoundryClaudeSimulator(ClaudeSimulator):
    """A Foundry resource with deployments of Claude. `aad_token` is what stands for a Microsoft
    Entra ID access token.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "azure-key",
        aad_token: str = "entra-id-token",  # noqa: S107 - not a secret
        deployments: Mapping[str, ClaudeModel] = DEPLOYMENTS,
        max_request_bytes: int = MAX_REQUEST_BYTES,
    ) -> None:
        super().__init__(
            models=deployments, port=port, tls=tls, max_request_bytes=max_request_bytes
        )
        self.api_key = api_key
        self.aad_token = aad_token

    @property
    def base_url(self) -> str:
        """What the `base_url` of `AnthropicFoundry` is."""
        return f"{self.url}/anthropic"

    def answer(self, request: Request) -> Answer:
        operation = request.path.removeprefix(_ROOT)
        if not request.path.startswith(_ROOT) or request.method != "POST":
            raise not_found()
        if operation not in {"messages", "messages/count_tokens"}:
            raise not_found()
        self._check_key(request)
        self.check_size(request)
        version = version_of(request)
        body = settled(decoded(request.body), request)
        self._check_deployment(named_model(request.body))
        _, headers = self.headers()
        if operation == "messages":
            return self.claude.messages(body, version=version, headers=headers)
        return self.claude.count_tokens(body, version=version, headers=headers)

    def failure(self, status: int) -> RefusalError:
        if status in _FRONT:
            return azure_error(status, *_FRONT[status])
        return anthropic_failure(status)

    def headers(self, status: int = 200) -> tuple[str, Headers]:
        request_id, headers = super().headers(status)
        return request_id, (
            *headers,
            ("apim-request-id", f"00000000-0000-4000-8000-{request_id[-12:]}"),
            ("x-ms-region", "East US 2"),
        )

    def _check_key(self, request: Request) -> None:
        keys = {request.header("x-api-key"), request.header("api-key")}
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        if self.api_key not in keys and bearer not in {self.api_key, self.aad_token}:
            raise self.failure(401)

    def _check_deployment(self, name: str | None) -> None:
        """A name that is missing is a matter of the body's shape."""
        if name is None or name in self.claude.models or fault_named(name) is not None:
            return
        raise azure_error(
            404,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment "
            "within the last 5 minutes, please wait a moment and try again.",
        )


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "azure-key"
    run(lambda: FoundryClaudeSimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
