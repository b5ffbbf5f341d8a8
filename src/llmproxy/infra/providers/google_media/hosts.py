"""Where Google's speech services are called.

| location | Text-to-Speech | Speech-to-Text |
|---|---|---|
| `global` | `texttospeech.googleapis.com` | `speech.googleapis.com` |
| another | `{location}-texttospeech.googleapis.com` | `{location}-speech.googleapis.com` |

Source: Google's pages "Endpoints" of Text-to-Speech and of Speech-to-Text (2026).
`parameters.endpoint` replaces scheme and host; the version is that of the service.
"""

import re
from typing import Final

from llmproxy.domain.model import Parameters
from llmproxy.infra.providers.vertex.places import vertex_place

_VERSION: Final = re.compile(r"/v[12](?:(?:alpha|beta)[0-9]+|p[0-9]+beta[0-9]+)?\Z")


def synthesis_url(parameters: Parameters) -> str:
    """Return the URL of `text:synthesize`. Raises Incomplete."""
    return f"{_host(parameters, 'texttospeech', 'v1')}/text:synthesize"


def recognition_url(parameters: Parameters) -> str:
    """Return the URL of `:recognize` with a recognizer that nobody has to make. Raises Incomplete.

    `recognizers/_`: google-cloud-speech 2.41, `speech_v2/types/cloud_speech.py`, RecognizeRequest.
    """
    root = _host(parameters, "speech", "v2")
    return f"{root}/{vertex_place(parameters)}/recognizers/_:recognize"


def _host(parameters: Parameters, service: str, version: str) -> str:
    location = vertex_place(parameters).rpartition("/")[2]
    if parameters.endpoint:
        root = _VERSION.sub("", parameters.endpoint.rstrip("/"))
        return f"{root}/{version}"
    regional = "" if location == "global" else f"{location}-"
    return f"https://{regional}{service}.googleapis.com/{version}"
