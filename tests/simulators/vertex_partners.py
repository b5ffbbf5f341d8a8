"""Vertex AI's models of other makers: DeepSeek, Llama, Qwen and gpt-oss on OpenAI's wire, Mistral
and Jamba on theirs.

`VertexPartners` is a part of a Vertex simulator: `answer` gives None for paths that are not its
own, as `VertexSimulator(also=(VertexPartners(),))` wants it. By hand it stands alone:
`python -m tests.simulators.vertex_partners --port 9001`, then
`OpenAI(base_url="http://127.0.0.1:9001/v1/projects/p/locations/l/endpoints/openapi",
api_key="vertex-token")`.
"""

import re
import ssl

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.faults import NAME_PREFIX
from tests.simulators.gemini.errors import error_info, google_error
from tests.simulators.http import Request
from tests.simulators.partners.asked import Asked
from tests.simulators.partners.jamba import answer_jamba
from tests.simulators.partners.maas import answer_maas
from tests.simulators.partners.mistral import answer_mistral
from tests.simulators.rules import named_model
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_PLACE = r"/v1(?:beta1)?/projects/(?P<project>[^/]+)/locations/(?P<location>[^/]+)"
_OPENAPI = re.compile(_PLACE + r"/endpoints/openapi/chat/completions")
_PUBLISHER = re.compile(
    _PLACE + r"/publishers/(?P<publisher>mistralai|ai21)/models/(?P<model>[^/:]+):(?P<verb>\w+)"
)
_VERBS = ("rawPredict", "streamRawPredict")
_GOOGLES = "google/"


class VertexPartners:
    """The routes of the partners. `token` None: whoever asks has checked it. `errors_in_array`:
    errors of the openapi endpoint stand in an array of one, as Google was seen to answer there; a
    host that puts errors into arrays itself must have them without.
    """

    def __init__(
        self,
        *,
        token: str | None = "vertex-token",  # noqa: S107 - not a secret
        errors_in_array: bool = True,
    ) -> None:
        self.token = token
        self.errors_in_array = errors_in_array

    def answer(self, request: Request) -> Answer | None:
        """The partner's answer; None for a path, or a model of Google's, that is not served here.
        Raises RefusalError with the envelope of who refuses.
        """
        place = _OPENAPI.fullmatch(request.path)
        if place is not None:
            model = named_model(request.body) or ""
            if model.startswith(_GOOGLES):
                return None
            self._check(request)
            return answer_maas(self._asked(request, place, model, "chat"))
        place = _PUBLISHER.fullmatch(request.path)
        if place is None or place["verb"] not in _VERBS:
            return None
        self._check(request)
        serve = answer_mistral if place["publisher"] == "mistralai" else answer_jamba
        return serve(self._asked(request, place, place["model"], place["verb"]))

    def model_of(self, request: Request) -> str | None:
        """The model of a request to one of these routes; without publisher where it is a fault."""
        place = _PUBLISHER.fullmatch(request.path)
        if place is not None:
            return place["model"]
        if _OPENAPI.fullmatch(request.path) is None:
            return None
        model = named_model(request.body) or ""
        name = model.rpartition("/")[2]
        if name.startswith(NAME_PREFIX):
            return name
        return None if model.startswith(_GOOGLES) else model

    def _asked(self, request: Request, place: re.Match[str], model: str, verb: str) -> Asked:
        return Asked(
            request, place["project"], place["location"], model, verb, self.errors_in_array
        )

    def _check(self, request: Request) -> None:
        given = request.header("authorization")
        if self.token is not None and given is None:
            words = (
                "Request is missing required authentication credential. Expected OAuth 2 access "
                "token, login cookie or other valid authentication credential. See "
                "https://developers.google.com/identity/sign-in/web/devconsole-project."
            )
            raise google_error(401, words, error_info("CREDENTIALS_MISSING"))
        if self.token is not None and given != f"Bearer {self.token}":
            raise google_error(401, None, error_info("ACCESS_TOKEN_TYPE_UNSUPPORTED"))
        if request.method != "POST":
            raise google_error(404, "Not found.")


class PartnersSimulator(Simulator):
    """The partners alone."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        token: str = "vertex-token",  # noqa: S107 - not a secret
        errors_in_array: bool = True,
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.partners = VertexPartners(token=token, errors_in_array=errors_in_array)

    def openapi_url(self, project: str = "p", location: str = "us-central1") -> str:
        """What the SDK's `base_url` is."""
        return f"{self.url}/v1/projects/{project}/locations/{location}/endpoints/openapi"

    def answer(self, request: Request) -> Answer:
        answer = self.partners.answer(request)
        if answer is None:
            raise google_error(404, "Not found.")
        return answer

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status)

    def failure(self, status: int) -> RefusalError:
        return google_error(status)

    def model_of(self, request: Request) -> str | None:
        return self.partners.model_of(request)


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    token = options.api_key or "vertex-token"
    run(lambda: PartnersSimulator(port=options.port, tls=tls_from(options), token=token))


if __name__ == "__main__":
    main()
