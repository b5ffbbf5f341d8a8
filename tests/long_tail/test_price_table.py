"""LiteLLM's own table: every entry of it becomes costs that a document may have."""

from typing import Any

import pytest

from llmproxy.bootstrap.price_table import PriceTable, price_table
from llmproxy.domain.costs import price_from_costs
from llmproxy.domain.document import parse_model
from llmproxy.domain.litellm_prices import costs_from
from llmproxy.domain.operation import Operation
from llmproxy.domain.price_suggestion import suggestion_for
from llmproxy.domain.usage import Usage
from tests.fakes.documents import azure_document, document, google_document


@pytest.fixture(name="table", scope="module")
def _table() -> PriceTable:
    table = price_table()
    assert table is not None
    return table


def test_every_entry_can_be_read(table: PriceTable) -> None:
    """None is beyond all reason, none contradicts itself."""
    priced = 0
    for entry in table.entries.values():
        costs = costs_from(entry)
        if costs is not None:
            assert price_from_costs(costs, free=False) is not None
            priced += 1
    assert priced > 3000
    assert table.version == "1.110.2"


@pytest.mark.parametrize(
    ("given", "operation"),
    [
        (document(parameters={"model": "gpt-5.4"}), Operation.RESPONSES),
        (document(parameters={"model": "gpt-image-1"}), Operation.IMAGES),
        (document(parameters={"model": "tts-1"}), Operation.AUDIO_TTS),
        (document(parameters={"model": "gpt-4o-mini-tts"}), Operation.AUDIO_TTS),
        (document(parameters={"model": "whisper-1"}), Operation.AUDIO_STT),
        (document(parameters={"model": "text-embedding-3-small"}), Operation.EMBEDDINGS),
        (azure_document(deployment_name="gpt-4o"), Operation.CHAT_COMPLETION),
        (google_document(model="gemini-2.5-pro"), Operation.CHAT_COMPLETION),
        (google_document(model="claude-sonnet-4-5@20250929"), Operation.CHAT_COMPLETION),
    ],
)
def test_usual_models_get_what_they_lack(
    table: PriceTable, given: dict[str, Any], operation: Operation
) -> None:
    """With it the operation is priced, and the document has no doubts."""
    unpriced = given | {"costs": {}, "operations": [operation.value]}
    suggested = suggestion_for(parse_model(unpriced).model, table.entries, replace=False)

    assert suggested is not None
    after = parse_model(unpriced | suggested.patch)
    assert after.warnings == ()
    assert after.model.price is not None
    assert after.model.price.missing_for(operation) is None


def test_long_contexts(table: PriceTable) -> None:
    """Tiers come along."""
    costs = costs_from(table.entries["vertex_ai/claude-sonnet-4-5"])
    assert costs is not None
    price = price_from_costs(costs, free=False)
    assert price is not None
    assert price.cost_nano(Usage(200_000)) == 600_000_000
    assert price.cost_nano(Usage(200_001)) == 1_200_006_000
