"""What docs/prices.md says is what prices do."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.domain.document import parse_model
from llmproxy.domain.operation import Operation
from llmproxy.domain.price_fields import ABOVE, COST_FIELDS, MAX_TIERS, TIERS
from llmproxy.domain.pricing import IMAGE_OUTPUT_TOKENS, Price
from llmproxy.domain.usage import Usage
from llmproxy.infra.wire.jsonc import read_documents

PAGE = (Path(__file__).parents[2] / "docs/prices.md").read_text("utf-8")
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = [located.value for text in BLOCK.findall(PAGE) for located in read_documents(text)]


def price_of(name: str) -> Price:
    (document,) = [each for each in EXAMPLES if isinstance(each, Mapping) and each["id"] == name]
    price = parse_model(document).model.price
    assert price is not None
    return price


@pytest.mark.parametrize("document", EXAMPLES)
def test_an_example_is_good(document: object) -> None:
    """It is read without a warning, and lacks no price for what it offers."""
    parsed = parse_model(document)
    price = parsed.model.price

    assert parsed.warnings == ()
    assert price is not None
    assert [each for each in parsed.model.operations if price.missing_for(each)] == []


def test_every_field_and_operation_is_explained() -> None:
    """Each stands in a table or in the text."""
    words = {*COST_FIELDS, *Operation, ABOVE, TIERS}
    assert {word for word in words if f"`{word}`" not in PAGE and f'"{word}"' not in PAGE} == set()
    assert f"at most {MAX_TIERS}." in PAGE
    assert f"counts as {IMAGE_OUTPUT_TOKENS:,}" in PAGE


def test_the_figures_of_long_prompts() -> None:
    """0.26 and 0.5150025 USD."""
    price = price_of("gemini-pro")

    assert price.cost_nano(Usage(200_000, output_tokens=1000)) == 260_000_000
    assert price.cost_nano(Usage(200_001, output_tokens=1000)) == 515_002_500


def test_the_figures_of_images_and_sound() -> None:
    """One image, a million characters, a minute."""
    assert price_of("imagen").cost_nano(Usage(images=1)) == 40_000_000
    assert price_of("tts").cost_nano(Usage(characters=1_000_000)) == 15 * 10**9
    assert price_of("whisper").cost_nano(Usage(audio_ms=60_000)) == 6_000_000
