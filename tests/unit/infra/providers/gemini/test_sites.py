"""Where Gemini is called, and what its name says of it."""

import pytest

from llmproxy.infra.providers.gemini.generation import Generation, generation_of
from llmproxy.infra.providers.gemini.sites import gemini_site, google_model
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.transport.target import target
from tests.fakes.calls import google_model as registered

FLASH = "publishers/google/models/gemini-2.5-flash"


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("gemini-2.5-flash", FLASH),
        ("google/gemini-2.5-flash", FLASH),
        ("models/gemini-2.5-flash", FLASH),
        ("google/models/gemini-2.5-flash", FLASH),
        (FLASH, FLASH),
        (f"/projects/p/locations/l/{FLASH}", FLASH),
        ("1234567890", "endpoints/1234567890"),
        ("endpoints/1234567890", "endpoints/1234567890"),
        ("projects/p/locations/l/endpoints/my-tuned", "endpoints/my-tuned"),
    ],
)
def test_names(name: str, path: str) -> None:
    """Whatever an operator puts before a name, it stands there once; a number is an endpoint."""
    assert google_model(name) == path


def test_urls() -> None:
    """One URL for whole answers, one for streams as events."""
    site = gemini_site(target, registered("GoogleVertex", "gemini-2.5-flash"))
    assert site.plain.origin.host == "us-central1-aiplatform.googleapis.com"
    root = b"POST /v1/projects/p/locations/us-central1/" + FLASH.encode()
    assert site.plain.head.startswith(root + b":generateContent HTTP/1.1\r\n")
    assert site.streamed.head.startswith(root + b":streamGenerateContent?alt=sse HTTP/1.1\r\n")


def test_what_a_document_needs() -> None:
    """Without a location there is nowhere to call."""
    with pytest.raises(Incomplete):
        gemini_site(target, registered("GoogleVertex", "gemini-2.5-flash", location=None))


@pytest.mark.parametrize(
    ("name", "generation"),
    [
        ("gemini-2.5-flash", Generation(2)),
        ("gemini-2.5-pro", Generation(2, pro=True)),
        ("google/gemini-3.1-pro-preview", Generation(3, pro=True)),
        ("gemini-3-pro-image-preview", Generation(3, pro=True, image=True)),
        ("gemini-flash-latest", Generation(3)),
        ("endpoints/5", Generation(2)),
    ],
)
def test_generations(name: str, generation: Generation) -> None:
    """The generation is in the name; a tuned model without one is taken for the second."""
    assert generation_of(registered("GoogleVertex", name)) == generation


def test_signatures_are_needed() -> None:
    """Of the third generation, but not by models that draw."""
    needs = [Generation(2), Generation(3), Generation(3, image=True)]
    assert [each.needs_signatures for each in needs] == [False, True, False]
