"""Which models there are, by what is asked for."""

import pytest

from llmproxy.application.use_cases.look_up_models import LookUpModels
from llmproxy.domain.operation import Operation
from llmproxy.domain.selection import Selection
from llmproxy.infra.database.memory import MemoryDocumentRepository
from tests.fakes.documents import azure_document, document

DOCUMENTS = [
    document(id="one", code="mini"),
    document(id="two", code="mini", private=True, projects=["a"]),
    azure_document() | {"id": "three", "code": "gpt-4", "operations": ["embeddings"]},
    azure_document(endpoint="NOT_SET") | {"id": "four", "code": "gpt-4"},
    {"id": "bad", "provider": "Azure", "code": "mini"},
]


async def look_up(selection: Selection) -> list[str]:
    """Ids of what is found."""
    models = MemoryDocumentRepository()
    await models.put_all(DOCUMENTS, at=1.0)
    return [view.id for view in await LookUpModels(models, {}).look_up(selection)]


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("selection", "ids"),
    [
        (Selection(), ["one", "two", "three", "four", "bad"]),
        (Selection(name="mini"), ["one", "two"]),
        (Selection(name="three"), ["three"]),
        (Selection(provider="azure"), ["three", "four"]),
        (Selection(model_type="openai"), ["one", "two"]),
        (Selection(project="a", provider="OpenAI"), ["one", "two"]),
        (Selection(project="b", provider="OpenAI"), ["one"]),
        (Selection(operation=Operation.EMBEDDINGS), ["three"]),
        (Selection(name="nothing"), []),
    ],
)
async def test_every_field_must_fit(selection: Selection, ids: list[str]) -> None:
    """In the order of registration; what is not understood is listed where nothing is selected."""
    assert await look_up(selection) == ids


@pytest.mark.asyncio
async def test_what_is_told_of_them() -> None:
    """Prices in figures, and why one cannot be called."""
    models = MemoryDocumentRepository()
    free = document(id="free", costs=None, free=True)
    await models.put_all([*DOCUMENTS, free, document(id="none", operations=[])], at=1.0)
    views = {view.id: view for view in await LookUpModels(models, {}).look_up(Selection())}

    assert views["one"][-4:] == ("USD", "1", "2", "ok")
    assert (views["two"].private, views["two"].projects) == (True, ("a",))
    assert views["four"].state == "waits for endpoint"
    assert views["bad"].state.startswith("refused: name: is required")
    assert (views["free"].free, views["free"].state) == (True, "ok")
    assert views["none"].state == "refused: no operation"
