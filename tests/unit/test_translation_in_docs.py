"""What the docs say of translated models is what their translations take."""

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.vendor import TESTED_BEHIND_LITELLM
from llmproxy.infra.providers.claude.generation import generation_of
from llmproxy.infra.providers.claude.request import SUPPORTED as CLAUDE
from llmproxy.infra.providers.claude.thinking import BUDGETS as CLAUDE_BUDGETS
from llmproxy.infra.providers.gemini.finishes import UNWELL
from llmproxy.infra.providers.gemini.request import SUPPORTED as GEMINI
from llmproxy.infra.providers.gemini.thinking import BUDGETS as GEMINI_BUDGETS
from llmproxy.infra.providers.google_media.cloud_speech import MAX_INPUT_BYTES
from llmproxy.infra.providers.google_media.cloud_transcripts import MAX_BYTES as MAX_BYTES_OF_CLOUD
from llmproxy.infra.providers.google_media.embeddings import SUPPORTED as EMBEDDINGS
from llmproxy.infra.providers.google_media.gemini_images import FURTHER as GEMINI_IMAGES
from llmproxy.infra.providers.google_media.gemini_transcripts import (
    MAX_BYTES as MAX_BYTES_OF_GEMINI,
)
from llmproxy.infra.providers.google_media.gemini_transcripts import SUPPORTED as GEMINI_TRANSCRIPTS
from llmproxy.infra.providers.google_media.image_request import NEUTRAL as UNASKED_OF_IMAGES
from llmproxy.infra.providers.google_media.image_request import SHARED as IMAGES
from llmproxy.infra.providers.google_media.imagen import NATIVE as IMAGEN
from llmproxy.infra.providers.google_media.pictures_given import MAX_IMAGES as MAX_EDITED
from llmproxy.infra.providers.google_media.pictures_given import (
    MAX_IMAGES_BYTES as MAX_EDITED_BYTES,
)
from llmproxy.infra.providers.google_media.sizes import GEMINI_RATIOS, IMAGEN_RATIOS
from llmproxy.infra.providers.google_media.sounds import CONTENT_TYPES
from llmproxy.infra.providers.google_media.speech_request import SUPPORTED as SPEECH
from llmproxy.infra.providers.google_media.transcript_request import (
    NEUTRAL as UNASKED_OF_TRANSCRIPTS,
)
from llmproxy.infra.providers.google_media.transcript_request import SHARED as TRANSCRIPTS
from llmproxy.infra.providers.long_tail.importing import VERSION
from llmproxy.infra.providers.long_tail.prepared import OWN
from llmproxy.infra.providers.near_openai.manners import JAMBA, MISTRAL
from llmproxy.infra.providers.responses_over_chat.request import REFUSED, TAKEN, UNKNOWN
from llmproxy.infra.providers.translated.leftovers import HINTS
from tests.fakes.documents import document

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "translation.md").read_text("utf-8")
MEDIA = (DOCS / "google-media.md").read_text("utf-8")
QUOTED = re.compile(r"`([^`]+)`")
WORD = re.compile(r"[a-z][a-z0-9_]*")
EXAMPLES_OF_UNKNOWN = {"messages", "n", "max_tokens"}


def section(title: str, page: str = PAGE) -> str:
    """The text under a heading."""
    return page.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def words(text: str) -> set[str]:
    """The words of all that stands in backquotes."""
    return {word for quoted in QUOTED.findall(text) for word in WORD.findall(quoted)}


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("Claude", CLAUDE),
        ("Gemini", GEMINI),
        ("Mistral and Jamba", MISTRAL.fields | JAMBA.fields),
        ("The rule", HINTS),
        ("Responses of models that only chat", {*REFUSED} | (TAKEN.keys() - {"text"})),
    ],
)
def test_every_field_is_explained(title: str, fields: Iterable[str]) -> None:
    """Whatever a translation reads stands in its section."""
    assert {*fields} - words(section(title)) == set()


@pytest.mark.parametrize(
    ("title", "fields"),
    [
        ("Embeddings", EMBEDDINGS),
        ("Images", {*IMAGES, *IMAGEN, *GEMINI_IMAGES, *UNASKED_OF_IMAGES}),
        ("Speech", SPEECH),
        ("Transcripts", {*TRANSCRIPTS, *GEMINI_TRANSCRIPTS, *UNASKED_OF_TRANSCRIPTS}),
    ],
)
def test_every_field_of_the_media_is_explained(title: str, fields: Iterable[str]) -> None:
    """The same of what Google does beside chat."""
    assert {*fields} - words(section(title, MEDIA)) == set()


def test_bounds_of_the_media() -> None:
    """Figures that callers meet."""
    images, speech, transcripts = (
        section(title, MEDIA) for title in ("Images", "Speech", "Transcripts")
    )
    assert f"{MAX_EDITED} images" in images
    assert f"{MAX_EDITED_BYTES >> 20} MiB" in images
    assert {ratio for ratio in {*GEMINI_RATIOS, *IMAGEN_RATIOS} if ratio not in images} == set()
    assert f"{MAX_INPUT_BYTES:,} bytes" in speech
    assert {kind for kind in CONTENT_TYPES if f"`{kind}`" not in speech} == set()
    assert f"{MAX_BYTES_OF_GEMINI >> 20} MiB" in transcripts
    assert f"{MAX_BYTES_OF_CLOUD >> 20} MiB" in transcripts


@pytest.mark.parametrize(
    ("title", "budgets"), [("Claude", CLAUDE_BUDGETS), ("Gemini", GEMINI_BUDGETS)]
)
def test_budgets_of_thinking(title: str, budgets: dict[str, int]) -> None:
    """The figures of older models."""
    text = section(title)
    assert {budget for budget in budgets.values() if f"{budget:,}" not in text} == set()


def test_bounds_of_claude() -> None:
    """What is sent where neither request nor document has a bound."""
    text = section("Claude")
    for name in ("claude-sonnet-4-5", "claude-3-5-haiku", "claude-3-opus"):
        model = parse_model(document(code=name, parameters={})).model
        bound = generation_of(model).default_max_tokens
        assert f"{bound:,}" in text


def test_ends_of_gemini() -> None:
    """Those that are no end."""
    text = section("Gemini")
    assert {reason for reason in UNWELL if f"`{reason}`" not in text} == set()


def test_words_of_chat_are_named() -> None:
    """Some of what only chat completions know is shown as an example."""
    assert UNKNOWN & words(section("Responses of models that only chat")) >= EXAMPLES_OF_UNKNOWN


def test_the_long_tail() -> None:
    """Which providers behind LiteLLM are tested, which have a type of their own, which version."""
    known = words(section("LiteLLM"))
    assert known >= TESTED_BEHIND_LITELLM
    assert OWN.keys() - {"vertex_ai_beta"} <= known
    assert VERSION in (DOCS / "operations.md").read_text("utf-8")
