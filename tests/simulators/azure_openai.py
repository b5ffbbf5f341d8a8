"""Azure OpenAI: the dated API `/openai/deployments/{deployment}/chat/completions?api-version=` and
v1 `/openai/v1/`.

By hand: `python -m tests.simulators.azure_openai --port 9001`, then
`AzureOpenAI(azure_endpoint="http://127.0.0.1:9001")`.
"""

import re
import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, json_answer
from tests.simulators.azure import V1, AzureSimulator, Deployment, azure_error, not_found
from tests.simulators.http import Request
from tests.simulators.operations import OPERATIONS
from tests.simulators.rules import decoded, named_model, unknown_parameter
from tests.simulators.runner import parser_for, run, tls_from

DEPLOYMENTS: Mapping[str, Deployment] = {
    "chat": Deployment("gpt-4o-mini-2024-07-18"),
    "chat-late-filter": Deployment("gpt-4o-mini-2024-07-18", late_filter=True),
    "embedder": Deployment("text-embedding-3-small"),
    "speaker": Deployment("gpt-4o-mini-tts-2025-12-15"),
    "scribe": Deployment("gpt-4o-transcribe"),
    "instruct": Deployment("gpt-35-turbo-instruct"),
    "moderator": Deployment("omni-moderation-2024-09-26"),
    "painter": Deployment("gpt-image-1"),
    "reasoner": Deployment("gpt-5-mini-2025-08-07"),
}
API_VERSIONS = frozenset(
    {
        "2023-05-15",
        "2024-02-01",
        "2024-05-01-preview",
        "2024-06-01",
        "2024-08-01-preview",
        "2024-10-01-preview",
        "2024-10-21",
        "2024-12-01-preview",
        "2025-01-01-preview",
        "2025-03-01-preview",
        "2025-04-01-preview",
    }
)
# Older versions refuse it: "Unknown parameter: 'stream_options'." (openai-python issue 1469 and
# SwiftOpenAI issue 67, 2024; azure-rest-api-specs issue 30810 names the version that took it).
_STREAM_OPTIONS_SINCE = "2024-08-01"

# responses and moderations have no path under a deployment (openai-python 3.54.0 `lib/azure.py`).
NOT_UNDER_A_DEPLOYMENT = frozenset({"responses", "moderations", "images/variations"})
_DEPLOYED = re.compile(r"/openai/deployments/([^/]+)/(.+)")


class AzureOpenAISimulator(AzureSimulator):
    """An Azure OpenAI resource."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "azure-key",
        deployments: Mapping[str, Deployment] = DEPLOYMENTS,
    ) -> None:
        super().__init__(port=port, tls=tls, api_key=api_key, deployments=deployments)

    def model_of(self, request: Request) -> str | None:
        found = _DEPLOYED.fullmatch(request.path)
        return found[1] if found else named_model(request.body)

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(V1):
            return self.chat_v1(request)
        self.check_key(request, bearer_key=False)
        version = request.parameter("api-version")
        if version not in API_VERSIONS:
            raise not_found()
        if (request.method, request.path) == ("GET", "/openai/models"):
            return json_answer({"object": "list", "data": self.listed()}, headers=self.headers())
        found = _DEPLOYED.fullmatch(request.path)
        if found is None or request.method != "POST":
            raise not_found()
        deployment = self.deployment(found[1])
        if found[2] in OPERATIONS and found[2] not in NOT_UNDER_A_DEPLOYMENT:
            return self.operate(found[2], request, found[1])
        if found[2] != "chat/completions":
            raise azure_error(
                400,
                "OperationNotSupported",
                f"The {found[2]} operation does not work with the specified model, "
                f"{deployment.model}. Please choose "
                "different model and try again.",
            )
        body = decoded(request.body)
        if "stream_options" in body and version < _STREAM_OPTIONS_SINCE:
            raise unknown_parameter("stream_options")
        return self.chat(request, body, deployment)


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "azure-key"
    run(lambda: AzureOpenAISimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
