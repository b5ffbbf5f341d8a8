"""Google Cloud's Text-to-Speech (`/v1/text:synthesize`, `/v1/voices`) and Speech-to-Text v2
(`…/recognizers/_:recognize`), over REST.

By hand: `python -m tests.simulators.google_speech --port 9001`, then
`TextToSpeechClient(transport="rest", client_options={"api_endpoint": "http://127.0.0.1:9001"},
credentials=google.oauth2.credentials.Credentials("speech-token"))`: the SDKs' REST transports take
the scheme from the endpoint.
"""

import re
import ssl

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.gemini.errors import google_error
from tests.simulators.google_audio.recognition import recognize
from tests.simulators.google_audio.synthesis import synthesize, voices
from tests.simulators.http import Request
from tests.simulators.rules import decoded
from tests.simulators.runner import parser_for, run, tls_from
from tests.simulators.simulator import Simulator

_RECOGNIZE = re.compile(
    r"/v2/projects/[^/]+/locations/(?P<location>[a-z0-9-]+)/recognizers/(?P<name>[^/:]+):recognize"
)


class GoogleSpeechSimulator(Simulator):
    """Both services at one address. `x-goog-user-project` is taken, whatever it says."""

    def __init__(
        self,
        *,
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        token: str = "speech-token",  # noqa: S107 - not a secret
    ) -> None:
        super().__init__(port=port, tls=tls)
        self.token = token

    def answer(self, request: Request) -> Answer:
        if request.header("authorization") != f"Bearer {self.token}":
            raise google_error(401)
        if (request.method, request.path) == ("POST", "/v1/text:synthesize"):
            return synthesize(request)
        if (request.method, request.path) == ("GET", "/v1/voices"):
            return voices(request)
        place = _RECOGNIZE.fullmatch(request.path)
        if place is None or request.method != "POST":
            raise google_error(404, "Method not found.")
        if place["name"] != "_":
            raise google_error(404, f"Unable to find Recognizer {place['name']} from project.")
        return recognize(request, place["location"])

    def refusal(self, error: RefusalError) -> Answer:
        return json_answer(error.envelope, status=error.status, indent=2)

    def failure(self, status: int) -> RefusalError:
        return google_error(status)

    def model_of(self, request: Request) -> str | None:
        """`config.model`, or the model or name of the voice."""
        try:
            body = decoded(request.body)
        except RefusalError:
            return None
        voice, config = body.get("voice"), body.get("config")
        if isinstance(config, dict):
            return config.get("model")
        return (voice.get("modelName") or voice.get("name")) if isinstance(voice, dict) else None


def main() -> None:
    """Serve by hand."""
    options = parser_for(__doc__).parse_args()
    token = options.api_key or "speech-token"
    run(lambda: GoogleSpeechSimulator(port=options.port, tls=tls_from(options), token=token))


if __name__ == "__main__":
    main()
