"""The Gemini API of Google AI Studio: `/v1/models/{model}:generateContent`,
`:streamGenerateContent` and `:countTokens`, also under `/v1beta/` and `/v1alpha/`.

By hand: `python -m tests.simulators.ai_studio --port 9001`, then
`genai.Client(api_key="studio-key", http_options=HttpOptions(base_url="http://127.0.0.1:9001"))`.
Faults: see `control.py`.

Requests and answers are those of Gemini on Vertex AI (`gemini/generate.py`), which share their
messages; paths and key: google-genai 3.6.1 `_api_client.py` (v1 by default) and litellm 1.110.2
`llms/vertex_ai/common_utils.py` (v1beta, v1alpha for Gemini 3). A wrong key is a 400,
none a 403: as users quoted both in public issues of 2025 and 2026 (continue 8516, openai-gemini
92).
"""

import itertools
import re
import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, Headers, RefusalError, json_answer
from tests.simulators.faults import fault_named
from tests.simulators.gemini.errors import google_error
from tests.simulators.gemini.generate import count_tokens, generate
from tests.simulators.gemini.models import MODELS, Model, Task
from tests.simulators.gemini.served import Asked
from tests.simulators.http import Request
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_ROUTE = re.compile(
    r"/(?P<version>v1|v1beta|v1alpha)/models/(?P<model>[^/:]+):(?P<method>[A-Za-z]+)"
)
_METHODS = ("generateContent", "streamGenerateContent", "countTokens")
_SERVICE = "generativelanguage.googleapis.com"
_UNREGISTERED = (
    "Method doesn't allow unregistered callers (callers without established identity). Please use "
    "API Key or other form of API consumer identity to call this API."
)
_WRONG_KEY = "API key not valid. Please pass a valid API key."


class AiStudioSimulator(Simulator):
    """The host of the Gemini API."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "studio-key",
        models: Mapping[str, Model] = MODELS,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.api_key = api_key
        self.models = models
        self._served = itertools.count(1)

    def model_of(self, request: Request) -> str | None:
        found = _ROUTE.fullmatch(request.path)
        return found["model"] if found else None

    def answer(self, request: Request) -> Answer:
        found = _ROUTE.fullmatch(request.path)
        if found is None or request.method != "POST" or found["method"] not in _METHODS:
            raise google_error(404, "Not found.")
        self._check_key(request)
        asked = self._asked(request, found)
        if found["method"] == "countTokens":
            return count_tokens(asked)
        return generate(asked, stream=found["method"] == "streamGenerateContent")

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status, headers=self._headers(), indent=2)

    def failure(self, status: int) -> RefusalError:
        return google_error(status)

    def _headers(self) -> Headers:
        return (
            ("vary", "Origin, X-Origin, Referer"),
            ("server", "scaffolding on HTTPServer2"),
            ("x-content-type-options", "nosniff"),
            ("x-simulated-request", str(next(self._served))),
        )

    def _check_key(self, request: Request) -> None:
        given = request.header("x-goog-api-key") or request.parameter("key")
        if given is None:
            raise google_error(403, _UNREGISTERED)
        if given != self.api_key:
            info = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
                "metadata": {"service": _SERVICE},
            }
            raise google_error(400, _WRONG_KEY, info)

    def _asked(self, request: Request, found: re.Match[str]) -> Asked:
        name = found["model"]
        model = self.models.get(name)
        if model is None and fault_named(name) is not None:
            model = self.models["gemini-2.5-flash"]
        if model is None or model.task not in {Task.CHAT, Task.IMAGE, Task.SPEECH}:
            raise google_error(
                404,
                f"models/{name} is not found for API version {found['version']}, or is not "
                f"supported for {found['method']}. Call ListModels to see the list of available "
                "models and their supported methods.",
            )
        return Asked(request, name, model, self._headers())


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "studio-key"
    run(lambda: AiStudioSimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
