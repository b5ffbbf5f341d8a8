"""Vertex AI: `/v1/projects/{p}/locations/{l}/publishers/google/models/{model}:{method}` (and
`/v1beta1/`, which google-genai takes by default), and whatever routes are put beside it.

By hand: `python -m tests.simulators.vertex --port 9001`, then `genai.Client(vertexai=True,
project="simulated", location="global", credentials=google.oauth2.credentials.Credentials(
"vertex-token"), http_options=HttpOptions(base_url="http://127.0.0.1:9001"))`. Faults: see
`control.py`; a stream that fails does so as Google's do, with JSON that has no `data:`.
"""

import itertools
import re
import ssl
from abc import abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from tests.simulators.answer import Answer, Headers, RefusalError, json_answer, json_bytes
from tests.simulators.faults import Fault, FaultKind, fault_named
from tests.simulators.gemini.embeddings import (
    batch_embed_contents,
    embed_content,
    predict_embeddings,
)
from tests.simulators.gemini.errors import error_info, google_error
from tests.simulators.gemini.generate import count_tokens, generate
from tests.simulators.gemini.imagen import predict_images
from tests.simulators.gemini.models import MODELS, Model, Task
from tests.simulators.gemini.served import Asked
from tests.simulators.http import Request
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_ROUTE = re.compile(
    r"/(?:v1|v1beta1)/projects/(?P<project>[^/]+)/locations/(?P<location>[a-z][a-z0-9-]*)/"
    r"(?:publishers/google/models|endpoints)/(?P<model>[^/:]+):(?P<method>[A-Za-z]+)"
)
_TAKES_CONTENTS = frozenset((Task.CHAT, Task.IMAGE, Task.SPEECH))
_PREDICTS = frozenset((Task.IMAGEN, Task.EMBED, Task.EMBED_CONTENT))
_EMBEDS_CONTENT = frozenset((Task.EMBED_CONTENT,))
_NO_PAGE = b"<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n"
_MISSING = (
    "Request is missing required authentication credential. Expected OAuth 2 access token, login "
    "cookie or other valid authentication credential. See "
    "https://developers.google.com/identity/sign-in/web/devconsole-project."
)
_VERSIONS = "https://cloud.google.com/vertex-ai/generative-ai/docs/learn/model-versions"


def _predict(asked: Asked) -> Answer:
    method = predict_images if asked.model.task is Task.IMAGEN else predict_embeddings
    return method(asked)


Method = Callable[[Asked], Answer]
METHODS: Mapping[str, tuple[frozenset[Task], Method]] = {
    "generateContent": (_TAKES_CONTENTS, lambda asked: generate(asked, stream=False)),
    "streamGenerateContent": (_TAKES_CONTENTS, lambda asked: generate(asked, stream=True)),
    "countTokens": (_TAKES_CONTENTS, count_tokens),
    "predict": (_PREDICTS, _predict),
    "embedContent": (_EMBEDS_CONTENT, embed_content),
    "batchEmbedContents": (_EMBEDS_CONTENT, batch_embed_contents),
}


class Route(Protocol):
    """What is served beside Google's own models: Claude, the partners. It checks the token itself.

    A route may also have `failure(status) -> RefusalError`: what it says when it fails.
    """

    @abstractmethod
    def answer(self, request: Request) -> Answer | None:
        """The answer, or None for a path that is not this route's. Raises RefusalError."""

    @abstractmethod
    def model_of(self, request: Request) -> str | None:
        """The model that the request names; None for a path that is not this route's."""


class VertexSimulator(Simulator):
    """The host of Vertex AI. `also` are routes that are asked before Google's own."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        tokens: Collection[str] = ("vertex-token",),
        models: Mapping[str, Model] = MODELS,
        endpoints: Mapping[str, str] | None = None,
        also: Sequence[Route] = (),
    ) -> None:
        """`endpoints` are tuned models: the number of an endpoint and the model it was made of."""
        super().__init__(port=port, tls=tls)
        self.tokens = set(tokens)
        self.models = models
        self.endpoints = dict(endpoints or {})
        self.also = tuple(also)
        self.errors_in_array = False  # as users saw them: `[{"error": …}]`
        self._served = itertools.count(1)

    def reset(self) -> None:
        super().reset()
        self.errors_in_array = False

    def model_of(self, request: Request) -> str | None:
        route = self._route_of(request)
        if route is not None:
            return route.model_of(request)
        found = _ROUTE.fullmatch(request.path)
        return found["model"] if found else None

    def answer(self, request: Request) -> Answer:
        for route in self.also:
            answer = route.answer(request)
            if answer is not None:
                return answer
        found = _ROUTE.fullmatch(request.path)
        if found is None or request.method != "POST" or found["method"] not in METHODS:
            return Answer(404, (("content-type", "text/html; charset=UTF-8"),), _NO_PAGE)
        self._check_token(request)
        name, model = self._model(found)
        tasks, method = METHODS[found["method"]]
        if model.task not in tasks:
            raise google_error(400, f"{name} is not supported in the {found['method']} API.")
        return method(Asked(request, name, model, self.headers()))

    def refusal(self, error: RefusalError) -> Answer:
        envelope = [error.envelope] if self.errors_in_array else error.envelope
        return json_answer(envelope, status=error.status, headers=self.headers(), indent=2)

    def failure(self, status: int) -> RefusalError:
        return google_error(status)

    def headers(self) -> Headers:
        """Google's headers."""
        number = next(self._served)
        return (
            ("vary", "Origin, X-Origin, Referer"),
            ("date", "Sun, 23 Nov 2025 20:00:00 GMT"),
            ("server", "scaffolding on HTTPServer2"),
            ("x-xss-protection", "0"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
            ("x-vertex-ai-internal-prediction-backend", "harpoon"),
            ("x-simulated-request", str(number)),
        )

    def _route_of(self, request: Request) -> Route | None:
        return next((each for each in self.also if each.model_of(request) is not None), None)

    def _disturbed(self, request: Request, fault: Fault | None) -> Answer:
        """As every simulator's, but a route that has words of its own for a failure says those."""
        failure = getattr(self._route_of(request), "failure", None)
        if fault is None or failure is None or fault.kind is not FaultKind.STATUS or fault.body:
            return super()._disturbed(request, fault)
        said = json_bytes(failure(fault.status or 500).envelope)
        return super()._disturbed(request, replace(fault, body=said))

    def _check_token(self, request: Request) -> None:
        given = request.header("authorization")
        if given is None:
            raise google_error(401, _MISSING, error_info("CREDENTIALS_MISSING"))
        kind, _, token = given.partition(" ")
        if kind != "Bearer" or token not in self.tokens:
            raise google_error(401, None, error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED"))

    def _model(self, found: re.Match[str]) -> tuple[str, Model]:
        asked = found["model"]
        name = self.endpoints.get(asked, asked)
        if name in self.models:
            return asked, self.models[name]
        if fault_named(asked) is not None:
            return asked, self.models["gemini-2.5-flash"]
        where = (
            f"projects/{found['project']}/locations/{found['location']}/publishers/google/models"
        )
        raise google_error(
            404,
            f"Publisher Model `{where}/{asked}` was not found or your project does not have access "
            f"to it. Please ensure you are using a valid model version. For more information, see: "
            f"{_VERSIONS}",
        )


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    tokens = (options.api_key or "vertex-token",)
    run(lambda: VertexSimulator(port=options.port, tls=tls_from(options), tokens=tokens))


if __name__ == "__main__":
    main()
