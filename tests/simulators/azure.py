"""What Azure OpenAI and Azure AI Foundry share: keys, headers, the content filter, and the v1 API
(`/openai/v1/`).

Sources: Microsoft's pages on the v1 API and on content filtering; answers, headers and errors that
users of both services quoted in public issues, 2023 to 2026.
"""

import itertools
import ssl
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.simulators.answer import (
    Answer,
    Headers,
    RefusalError,
    json_answer,
    provisioned,
    stream_answer,
)
from tests.simulators.azure_filter import annotated, annotated_chunks, filtered_prompt
from tests.simulators.chat import CREATED, chat_chunks, chat_object
from tests.simulators.faults import fault_named
from tests.simulators.frames import switching, wants_websocket
from tests.simulators.http import Request
from tests.simulators.model import complete, last_text
from tests.simulators.operations import OPERATIONS
from tests.simulators.operations.operation import Asked
from tests.simulators.operations.responses import STORED, stored
from tests.simulators.parameters import CHAT_PARAMETERS
from tests.simulators.realtime import REALTIME_MODELS, RealtimeSession
from tests.simulators.rules import Body, check_chat, decoded, unknown_parameter
from tests.simulators.simulator import Simulator

Json = dict[str, Any]

PROMPT_FILTER_PHRASE = "trigger the prompt filter"
V1 = "/openai/v1/"
REALTIME_DEPLOYMENTS: Mapping[str, str] = {"voice": "gpt-realtime"}

_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
    "valid key for an active subscription and use a correct regional API endpoint for your "
    "resource."
)
_LIMITED = (
    "Requests to the ChatCompletions_Create Operation under Azure OpenAI API have exceeded token "
    "rate limit of your current OpenAI S0 pricing tier. Please retry after 60 seconds."
)
_FAILURES: Mapping[int, tuple[str, str]] = {
    401: ("401", _DENIED),
    404: ("404", "Resource not found"),
    429: ("429", _LIMITED),
}


@dataclass(frozen=True, slots=True)
class Deployment:
    """A deployed model. `late_filter`: the asynchronous filter, whose last chunk has a choice
    without a delta.
    """

    model: str
    late_filter: bool = False
    thinks_aloud: bool = False


def azure_error(status: int, code: str, message: str, **more: str) -> RefusalError:
    """An error of Azure's own front end: `code` and `message` only."""
    return RefusalError(
        status, message, envelope={"error": {"code": code, "message": message, **more}}
    )


def not_found() -> RefusalError:
    """What Azure says to a path or api-version that it does not know."""
    return azure_error(404, "404", "Resource not found")


class AzureSimulator(Simulator):
    """An Azure resource with deployments. `aad_token` is what stands for a Microsoft Entra ID
    access token, `utilization` how full a provisioned deployment is, in percent.
    """

    utilization: float | None = None

    def __init__(
        self,
        *,
        deployments: Mapping[str, Deployment],
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "azure-key",
        aad_token: str = "entra-id-token",  # noqa: S107 - not a secret
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.api_key = api_key
        self.aad_token = aad_token
        self.deployments = deployments
        self.kept: dict[str, Any] = {}
        self._served = itertools.count(1)

    @property
    def base_url(self) -> str:
        """What the stock client's `base_url` is, for the v1 API."""
        return f"{self.url}{V1}"

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status, headers=self.headers())

    def failure(self, status: int) -> RefusalError:
        fallback = (
            "InternalServerError",
            "The service is temporarily unable to process your request.",
        )
        code, message = _FAILURES.get(status, fallback)
        return azure_error(status, code, message)

    # ------------------------------------------------------------------------------- shared parts

    def check_key(self, request: Request, *, bearer_key: bool) -> None:
        """`api-key: key` or `Authorization: Bearer token`; with `bearer_key` the key may be the
        bearer too.
        """
        bearer = (request.header("authorization") or "").removeprefix("Bearer ")
        bearers = {self.aad_token, self.api_key} if bearer_key else {self.aad_token}
        if request.header("api-key") != self.api_key and bearer not in bearers:
            raise self.failure(401)

    def deployment(self, name: str) -> Deployment:
        """The deployment of that name, or one named after a fault."""
        if fault_named(name) is not None:
            return Deployment("gpt-4o-mini-2024-07-18")
        if name not in self.deployments:
            raise azure_error(
                404,
                "DeploymentNotFound",
                "The API deployment for this resource does not exist. If you created the "
                "deployment within the last 5 "
                "minutes, please wait a moment and try again.",
            )
        return self.deployments[name]

    def chat_v1(self, request: Request) -> Answer:
        """The v1 API: the stock client's wire, the deployment is the body's `model`."""
        self.check_key(request, bearer_key=True)
        version = request.parameter("api-version")
        if version not in (None, "v1", "preview", "latest"):
            raise azure_error(400, "BadRequest", "API version not supported")
        operation = request.path.removeprefix(V1)
        if operation == "realtime":
            return self.realtime(request)
        if (request.method, operation) == ("GET", "models"):
            return json_answer({"object": "list", "data": self.listed()}, headers=self.headers())
        if request.method == "POST" and operation in OPERATIONS:
            return self.operate(operation, request, OPERATIONS[operation].model_of(request))
        if operation.startswith(STORED):
            return stored(request, operation.removeprefix(STORED), self.kept)
        if (request.method, operation) != ("POST", "chat/completions"):
            raise not_found()
        body = decoded(request.body)
        if not isinstance(body.get("model"), str):
            raise RefusalError(
                400,
                "Missing required parameter: 'model'.",
                param="model",
                code="missing_required_parameter",
            )
        return self.chat(request, body, self.deployment(body["model"]))

    def realtime(self, request: Request) -> Answer:
        """A session with a deployment, or one that only transcribes."""
        if not wants_websocket(request):
            raise not_found()
        headers = (*switching(request), *self.headers(request))
        if request.parameter("intent") == "transcription":
            return Answer(101, headers, session=RealtimeSession(None))
        name = request.parameter("model") or ""
        model = REALTIME_MODELS.get(REALTIME_DEPLOYMENTS.get(name, ""))
        if model is None:
            self.deployment(name)
            raise azure_error(400, "OperationNotSupported", "This model has no realtime API.")
        return Answer(101, headers, session=RealtimeSession(model))

    def operate(self, operation: str, request: Request, deployment: str | None) -> Answer:
        """Serve an operation beside chat for a deployment."""
        if deployment is None:
            raise RefusalError(400, "Missing required parameter: 'model'.", param="model")
        model = self.deployment(deployment).model

        def headers(tokens: int | None) -> Headers:
            return self.headers(request, tokens)

        return OPERATIONS[operation].serve(Asked(request, model, headers, self.kept))

    def chat(self, request: Request, body: Body, deployment: Deployment) -> Answer:
        """Check and answer a chat request for a deployment."""
        unknown = [name for name in body if name not in CHAT_PARAMETERS]
        if unknown:
            raise unknown_parameter(unknown[0])
        check_chat(body, model=deployment.model)
        if PROMPT_FILTER_PHRASE in last_text(body):
            raise filtered_prompt()
        completion = complete(body, model=deployment.model, thinks_aloud=deployment.thinks_aloud)
        headers = self.headers(request, completion.prompt_tokens)
        if body.get("stream"):
            chunks = annotated_chunks(chat_chunks(completion, body), late=deployment.late_filter)
            return stream_answer(chunks, headers)
        return json_answer(annotated(chat_object(completion, body)), headers=headers)

    def listed(self) -> list[Json]:
        """The base models of the resource, as the model list names them."""
        models = sorted({deployment.model for deployment in self.deployments.values()})
        return [
            {
                "id": model,
                "object": "model",
                "created": CREATED,
                "owned_by": "system",
                "status": "succeeded",
                "lifecycle_status": "generally-available",
                "capabilities": {"chat_completion": True, "inference": True, "fine_tune": False},
            }
            for model in models
        ]

    def headers(self, request: Request | None = None, tokens: int | None = None) -> Headers:
        """Azure's headers, new ids for each answer."""
        number = next(self._served)
        told = request.header("x-ms-client-request-id") if request else None
        headers: Headers = (
            ("date", "Sun, 23 Nov 2025 20:00:00 GMT"),
            ("apim-request-id", str(uuid.UUID(int=number))),
            ("x-request-id", str(uuid.UUID(int=number + (1 << 64)))),
            ("x-ms-client-request-id", told or str(uuid.UUID(int=number))),
            ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
            ("x-content-type-options", "nosniff"),
            ("x-ms-region", "East US 2"),
        )
        if tokens is None:
            return headers
        return (
            *headers,
            ("azureml-model-session", "d008-20251123200000"),
            ("x-ms-rai-invoked", "true"),
            ("x-accel-buffering", "no"),
            ("x-ratelimit-limit-requests", "100"),
            ("x-ratelimit-limit-tokens", "100000"),
            ("x-ratelimit-remaining-requests", "99"),
            ("x-ratelimit-remaining-tokens", str(100_000 - tokens)),
            *provisioned(self.utilization),
        )
