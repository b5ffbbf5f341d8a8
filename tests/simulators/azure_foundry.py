"""Azure AI Foundry: v1 `/openai/v1/` and the legacy model inference API
`/models/chat/completions?api-version=`.

By hand: `python -m tests.simulators.azure_foundry --port 9001`, then
`OpenAI(base_url="http://127.0.0.1:9001/openai/v1/")` or azure-ai-inference's
`ChatCompletionsClient(endpoint="http://127.0.0.1:9001/models")`.

Legacy: what is no parameter of that API (`n`, `stream_options` …) needs the header
`extra-parameters`: `pass-through` gives it to the model, `drop` forgets it, `error` (and no header)
is a 400. Its errors: langchain issue 29679, Portkey pull 534, AI-Red-Teaming-Playground-Labs
issue 14, Generative-AI-for-beginners-dotnet issue 302. What it says without an api-version was not
seen anywhere; it is answered as the dated Azure OpenAI API does.
"""

import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.azure import V1, AzureSimulator, Deployment, azure_error, not_found
from tests.simulators.faults import fault_named
from tests.simulators.http import Request
from tests.simulators.parameters import LEGACY_PARAMETERS
from tests.simulators.rules import Body, decoded, named_model
from tests.simulators.runner import parser_for, run, tls_from

DEPLOYMENTS: Mapping[str, Deployment] = {
    "gpt-4o-mini": Deployment("gpt-4o-mini-2024-07-18"),
    "DeepSeek-R1": Deployment("DeepSeek-R1", thinks_aloud=True),
    "embedder": Deployment("text-embedding-3-small"),
    "instruct": Deployment("gpt-35-turbo-instruct"),
    "moderator": Deployment("omni-moderation-2024-09-26"),
    "painter": Deployment("gpt-image-1"),
}
API_VERSIONS = frozenset({"2024-05-01-preview", "2025-04-01", "2025-05-15-preview"})

_LEGACY = "/models/"
_EXTRA = ("error", "drop", "pass-through")


class AzureFoundrySimulator(AzureSimulator):
    """A Foundry resource (`*.services.ai.azure.com`)."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "azure-key",
        deployments: Mapping[str, Deployment] = DEPLOYMENTS,
    ) -> None:
        super().__init__(port=port, tls=tls, api_key=api_key, deployments=deployments)

    @property
    def legacy_endpoint(self) -> str:
        """What the endpoint of azure-ai-inference is."""
        return f"{self.url}/models"

    def model_of(self, request: Request) -> str | None:
        return named_model(request.body)

    def answer(self, request: Request) -> Answer:
        if request.path.startswith(V1):
            return self.chat_v1(request)
        self.check_key(request, bearer_key=True)
        if (
            not request.path.startswith(_LEGACY)
            or request.parameter("api-version") not in API_VERSIONS
        ):
            raise not_found()
        operation = (request.method, request.path.removeprefix(_LEGACY))
        if operation == ("GET", "info"):
            return self._info()
        if operation == ("POST", "embeddings"):
            return self.operate("embeddings", request, named_model(request.body))
        if operation != ("POST", "chat/completions"):
            raise not_found()
        body = decoded(request.body)
        name = body.get("model") or request.header("x-ms-model-mesh-model-name")
        return self.chat(request, _without_extras(request, body), self._model(name))

    def _model(self, name: object) -> Deployment:
        if not isinstance(name, str) or not name:
            words = (
                "No model specified in request. Please provide a model name in the request body "
                "or as a "
                "x-ms-model-mesh-model-name header."
            )
            raise azure_error(400, "no_model_name", words, details=words)
        if name not in self.deployments and fault_named(name) is None:
            words = f"Unknown model: {name}"
            raise azure_error(404, "unknown_model", words, details=words)
        return self.deployment(name)

    def _info(self) -> Answer:
        model = next(iter(self.deployments.values())).model
        info = {
            "model_name": model,
            "model_type": "chat-completion",
            "model_provider_name": "OpenAI",
        }
        return json_answer(info, headers=self.headers())


def _without_extras(request: Request, body: Body) -> Body:
    """The body as the model gets it, after the `extra-parameters` rule."""
    wanted = request.header("extra-parameters") or "error"
    if wanted not in _EXTRA:
        words = f"Unexpected EXTRA_PARAMETERS option {wanted}, expected options are {list(_EXTRA)}"
        raise RefusalError(400, words, envelope={"detail": words})
    extras = [name for name in body if name not in LEGACY_PARAMETERS]
    if extras and wanted == "error":
        words = (
            f"Extra parameters {extras} are not allowed when extra-parameters is not set or set "
            "to be 'error'. Set "
            "extra-parameters to 'pass-through' to pass to the model."
        )
        raise RefusalError(400, words, envelope={"detail": words})
    if wanted == "drop":
        return {name: value for name, value in body.items() if name in LEGACY_PARAMETERS}
    return body


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "azure-key"
    run(lambda: AzureFoundrySimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
