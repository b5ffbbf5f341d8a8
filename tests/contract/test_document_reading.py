"""How documents are read, from stores that are written and from files that are not."""

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from llmproxy.application.interfaces.document_repository import (
    DocumentRepository,
    ReadOnlyError,
    StoredDocument,
)
from tests.contract.document_places import WRITABLE, Make, files
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio

THREE: Sequence[dict[str, Any]] = [
    document(id="b", names=["é", "日本", '"', ""]),
    document(id="c", deep={"a": [1, 1.5, -0.25, None, True, {}]}, big=10**22),
    document(id="a"),
]


@pytest_asyncio.fixture(name="filled", params=[*WRITABLE, files])
async def _filled(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[DocumentRepository]:
    """Make each adapter over THREE, however they get there."""
    make: Make = request.param
    repository = await make(tmp_path)
    if make is files:
        (tmp_path / "three.json").write_text(json.dumps(THREE), encoding="utf-8")
    else:
        await repository.put_all(THREE, at=1000.5)
    yield repository
    await repository.close()


async def test_all_are_read_in_order(filled: DocumentRepository) -> None:
    """Every JSON value comes back, fields in the order in which they were written."""
    stored = await filled.load_all()

    assert [each.document for each in stored] == THREE
    assert [list(each.document) for each in stored] == [list(each) for each in THREE]
    assert [each.id for each in stored] == ["b", "c", "a"]
    assert len({each.etag for each in stored}) == 3


async def test_one_is_read(filled: DocumentRepository) -> None:
    """It is the same as among all; there is none with another id."""
    assert await filled.get("c") == (await filled.load_all())[1]
    assert await filled.get("C") is None
    assert await filled.get("") is None


async def test_what_is_read_cannot_be_changed_from_outside(filled: DocumentRepository) -> None:
    """Whoever reads has a document of its own."""
    for read in (await filled.get("a"), (await filled.load_all())[2]):
        assert isinstance(read, StoredDocument)
        assert isinstance(read.document, dict)
        read.document["parameters"]["model"] = "other"

    again = await filled.get("a")
    assert again is not None
    assert again.document == THREE[2]


async def test_files_are_not_written(tmp_path: Path) -> None:
    """Every writing method says where documents are changed instead."""
    repository = await files(tmp_path)
    (tmp_path / "three.json").write_text(json.dumps(THREE), encoding="utf-8")

    for work in (
        repository.create(document(id="new"), at=1),
        repository.replace(document(id="a"), at=1, etag="x"),
        repository.put(document(id="a"), at=1),
        repository.put_all([], at=1),
        repository.delete("a"),
    ):
        with pytest.raises(ReadOnlyError, match=r"MODELS_PATH.*change the files there"):
            await work
    assert len(await repository.load_all()) == 3
