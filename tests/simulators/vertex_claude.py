"""Claude on Vertex AI: `POST /v1/projects/{p}/locations/{l}/publishers/anthropic/models/{m}` with
`:rawPredict` or `:streamRawPredict`, and `…/models/count-tokens:rawPredict`.

By hand: `python -m tests.simulators.vertex_claude --port 9001`, then
`AnthropicVertex(base_url="http://127.0.0.1:9001/v1", project_id="p", region="us-east5",
access_token="vertex-token")`.

The body is Anthropic's with `anthropic_version` and, but for counting, without `model`
(`lib/vertex/_client.py` of anthropic 2.12.0). Google's front end refuses in Google's envelope, in a
list when it was asked to stream (genkit-ai/genkit issue 4688); Claude refuses in Anthropic's, with
`req_vrtx_…` (Kilo-Org/kilocode issue 5219). Stricter than the vendor: `stream: true` needs
`:streamRawPredict`.
"""

import itertools
import re
import ssl
from collections.abc import Mapping
from typing import Any

from tests.simulators.answer import Answer, Headers, RefusalError, json_answer
from tests.simulators.anthropic_wire.errors import (
    decoded,
    error_answer,
    invalid,
)
from tests.simulators.anthropic_wire.errors import failure as anthropic_failure
from tests.simulators.anthropic_wire.models import MODELS, ClaudeModel, on_vertex
from tests.simulators.anthropic_wire.rules import FIRST_VERSION, LATEST_VERSION
from tests.simulators.anthropic_wire.service import Claude, settled
from tests.simulators.faults import fault_named
from tests.simulators.http import Request
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_PATH = re.compile(
    r"/v1/projects/(?P<project>[^/]+)/locations/(?P<location>[a-z][a-z0-9-]*)"
    r"/publishers/anthropic/models/(?P<model>[^/:]+):(?P<verb>rawPredict|streamRawPredict)"
)
_COUNT = "count-tokens"
# What the body calls a version, and which one it is.
_VERSIONS = {"vertex-2023-10-16": FIRST_VERSION, LATEST_VERSION: LATEST_VERSION}
_UNAUTHENTICATED = (
    "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie "
    "or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_EXHAUSTED = (
    "Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with "
    "base model: anthropic-claude."
)
_STATUSES: Mapping[int, tuple[str, str]] = {
    401: ("UNAUTHENTICATED", _UNAUTHENTICATED),
    403: (
        "PERMISSION_DENIED",
        "Permission 'aiplatform.endpoints.predict' denied on resource (or it may not exist).",
    ),
    429: ("RESOURCE_EXHAUSTED", _EXHAUSTED),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
    504: ("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
}


def google_error(status: int, name: str, message: str) -> RefusalError:
    """An error of Google's front end."""
    envelope = {"error": {"code": status, "message": message, "status": name}}
    return RefusalError(status, message, envelope=envelope)


class VertexClaude:
    """The routes of Claude at a Vertex AI host, for a simulator to include.

    `answer` never raises. `project`: any, when it is None.
    """

    def __init__(
        self,
        *,
        access_token: str = "vertex-token",  # noqa: S107 - not a secret
        project: str | None = None,
        models: Mapping[str, ClaudeModel] | None = None,
    ) -> None:
        self.access_token = access_token
        self.project = project
        self.claude = Claude(on_vertex(MODELS) if models is None else models, platform="vrtx_")
        self._served = itertools.count(1)

    def answer(self, request: Request) -> Answer | None:
        """The answer, errors and all; None when the path is none of Claude's."""
        route = _PATH.fullmatch(request.path)
        if route is None:
            return None
        try:
            return self._answered(request, route)
        except RefusalError as error:
            return self.refusal(error, streaming=route["verb"] == "streamRawPredict")

    def refusal(self, error: RefusalError, *, streaming: bool = False) -> Answer:
        """A refusal with its headers; Google's, of what was to stream, comes in a list."""
        request_id, headers = self.headers()
        if streaming and error.envelope.get("type") != "error":
            envelope: Any = [error.envelope]
            return json_answer(envelope, status=error.status, headers=headers)
        return error_answer(error, headers, request_id)

    def failure(self, status: int) -> RefusalError:
        """What is said when it fails with this status: Google's words, or Anthropic's."""
        if status in _STATUSES:
            return google_error(status, *_STATUSES[status])
        return anthropic_failure(status)

    def model_of(self, request: Request) -> str | None:
        """The model in the path, or in the body that is to be counted."""
        route = _PATH.fullmatch(request.path)
        return route["model"] if route else None

    def headers(self) -> tuple[str, Headers]:
        """The request id, and the headers of every answer."""
        request_id = f"req_vrtx_011C{next(self._served):020d}"
        return request_id, (
            ("date", "Sun, 23 Nov 2025 20:00:00 GMT"),
            ("request-id", request_id),
            ("server", "scaffolding on HTTPServer2"),
            ("vary", "Origin, X-Origin, Referer"),
            ("x-xss-protection", "0"),
            ("x-content-type-options", "nosniff"),
        )

    def _answered(self, request: Request, route: re.Match[str]) -> Answer:
        if request.method != "POST":
            raise google_error(404, "NOT_FOUND", "Not Found")
        if request.header("authorization") != f"Bearer {self.access_token}":
            raise self.failure(401)
        if self.project is not None and route["project"] != self.project:
            raise self.failure(403)
        counting = route["model"] == _COUNT
        if not counting:
            self._check_model(route)
        body = settled(decoded(request.body), request)
        version = _version_taken_from(body)
        _, headers = self.headers()
        if counting:
            return self.claude.count_tokens(body, version=version, headers=headers)
        if "model" in body:
            raise invalid("model: Extra inputs are not permitted")
        if body.get("stream") and route["verb"] != "streamRawPredict":
            raise google_error(400, "INVALID_ARGUMENT", "stream needs :streamRawPredict")
        asked = body | {"model": route["model"]}
        return self.claude.messages(asked, version=version, headers=headers)

    def _check_model(self, route: re.Match[str]) -> None:
        name = route["model"]
        if name in self.claude.models or fault_named(name) is not None:
            return
        full = route.string.removeprefix("/v1/").rpartition(":")[0]
        raise google_error(
            404,
            "NOT_FOUND",
            f"Publisher Model `{full}` was not found or your project does not have access to it. "
            "Please ensure you are using a valid model version. For more information, see: "
            "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions",
        )


def _version_taken_from(body: dict[str, Any]) -> str:
    if "anthropic_version" not in body:
        raise invalid("anthropic_version: Field required")
    named = body.pop("anthropic_version")
    body.pop("anthropic_beta", None)  # the header's betas may stand in the body here
    if named not in _VERSIONS:
        known = " or ".join(f"'{name}'" for name in _VERSIONS)
        raise invalid(f"anthropic_version: Input should be {known}")
    return _VERSIONS[named]


class VertexClaudeSimulator(Simulator):
    """A Vertex AI host that serves nothing but Claude."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        access_token: str = "vertex-token",  # noqa: S107 - not a secret
        project: str | None = None,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.vertex = VertexClaude(access_token=access_token, project=project)

    @property
    def base_url(self) -> str:
        """What the `base_url` of `AnthropicVertex` is."""
        return f"{self.url}/v1"

    def reset(self) -> None:
        super().reset()
        self.vertex.claude.forget()

    def answer(self, request: Request) -> Answer:
        answer = self.vertex.answer(request)
        if answer is None:
            raise google_error(404, "NOT_FOUND", "Not Found")
        return answer

    def refusal(self, error: RefusalError) -> Answer:
        return self.vertex.refusal(error)

    def failure(self, status: int) -> RefusalError:
        return self.vertex.failure(status)

    def model_of(self, request: Request) -> str | None:
        return self.vertex.model_of(request)


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    token = options.api_key or "vertex-token"
    run(lambda: VertexClaudeSimulator(port=options.port, tls=tls_from(options), access_token=token))


if __name__ == "__main__":
    main()
