"""Mistral's own API: `POST /v1/chat/completions`.

By hand: `python -m tests.simulators.mistral --port 9001`, then
`Mistral(server_url="http://127.0.0.1:9001", api_key="mistral-key")`. Faults: see `control.py`.

Requests and answers are those of Mistral's models on Vertex AI (`partners/mistral.py`); the model
and `stream` stand in the body alone (mistralai 3.7, `client/chat.py`). Errors, as users quoted them
in public issues of 2025 and 2026: `{"detail":"Unauthorized"}` (nextcloud/integration_openai 332,
agent-zero 539), 1300 (cline 9085), 1500 (`partners/mistral.py`).
"""

import re
import ssl
from collections.abc import Mapping

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.faults import fault_named
from tests.simulators.http import Request
from tests.simulators.partners.asked import Asked
from tests.simulators.partners.mistral import answer_mistral
from tests.simulators.partners.mistral_rules import invalid, mistral_error
from tests.simulators.rules import decoded, named_model
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

MISTRAL_PLATFORM_MODELS: Mapping[str, bool] = {
    "mistral-medium-latest": False,
    "mistral-medium-2508": False,
    "mistral-small-latest": False,
    "magistral-medium-latest": True,
}
"""The models, and whether each thinks aloud."""
_PATH = re.compile(r"/v1/chat/completions")
_UNAUTHORIZED = "Unauthorized"


class MistralSimulator(Simulator):
    """Mistral's platform."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        api_key: str = "mistral-key",
        models: Mapping[str, bool] = MISTRAL_PLATFORM_MODELS,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.api_key = api_key
        self.models = models

    @property
    def base_url(self) -> str:
        """The address with the version, as LiteLLM's `api_base` has it."""
        return f"{self.url}/v1"

    def answer(self, request: Request) -> Answer:
        if _PATH.fullmatch(request.path) is None or request.method != "POST":
            words = "no Route matched with those values"
            raise RefusalError(404, words, envelope={"message": words})
        if request.header("authorization") != f"Bearer {self.api_key}":
            raise RefusalError(401, _UNAUTHORIZED, envelope={"detail": _UNAUTHORIZED})
        asked = self._asked(request)
        return answer_mistral(asked, self.models)

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status)

    def failure(self, status: int) -> RefusalError:
        if status == 401:
            return RefusalError(status, _UNAUTHORIZED, envelope={"detail": _UNAUTHORIZED})
        if status == 429:
            return mistral_error(status, "Rate limit exceeded", "rate_limited", "1300")
        kind = "service_unavailable" if status >= 500 else "invalid_request_error"
        return mistral_error(status, "The request failed.", kind, "3000")

    def model_of(self, request: Request) -> str | None:
        return named_model(request.body)

    def _asked(self, request: Request) -> Asked:
        try:
            body = decoded(request.body)
        except RefusalError as error:
            raise invalid("json_invalid", ["body", 0], "JSON decode error", {}) from error
        model = body.get("model")
        if not isinstance(model, str):
            raise invalid("missing", ["body", "model"], "Field required", body)
        if model not in self.models and fault_named(model) is None:
            raise mistral_error(400, f"Invalid model: {model}", "invalid_model", "1500")
        verb = "streamRawPredict" if body.get("stream") is True else "rawPredict"
        return Asked(request, "", "", model, verb, errors_in_array=False)


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    key = options.api_key or "mistral-key"
    run(lambda: MistralSimulator(port=options.port, tls=tls_from(options), api_key=key))


if __name__ == "__main__":
    main()
