"""Look-ups of models, answered from the snapshot."""

from typing import Any

import pytest

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.document import parse_model
from tests.fakes.documents import azure_document, document
from tests.unit.infra.admin.asking import Desk

pytestmark = pytest.mark.asyncio


def _deployment(written: dict[str, Any], not_ready: str | None = None) -> Deployment:
    return Deployment(parse_model(written).model, None, None, not_ready)


@pytest.fixture(name="desk")
def _desk() -> Desk:
    desk = Desk()
    mini = document()
    free = document(id="free", costs=None, free=True, operations=["embeddings"])
    azure = azure_document() | {"id": "azure", "private": True, "projects": ["beta", "alpha"]}
    broken = document(id="broken", provider="openai", parameters=None, private=True)
    broken |= {"projects": ["beta"], "auth_token": "sk-proj-0123456789abcdefABCDEF"}
    written = [mini, free, azure, broken]
    desk.install(
        deployments=(_deployment(mini), _deployment(free), _deployment(azure, "no such secret")),
        documents={
            each["id"]: StoredDocument(each["id"], each, f"e-{each['id']}", 5.0) for each in written
        },
        problems={"broken": "parameters: is required", "file.json": "is not JSON"},
    )
    return desk


async def _ids(desk: Desk, query: str) -> list[str]:
    answer = await desk.ask("GET", f"/admin/models?{query}")
    assert answer.status == 200
    return [row["id"] for row in answer.json["data"]]


async def test_every_document_is_listed_with_its_state(desk: Desk) -> None:
    """By id; what cannot be used too, and why."""
    answer = await desk.ask("GET", "/admin/models")
    rows = {row["id"]: row for row in answer.json["data"]}
    assert list(rows) == ["azure", "broken", "file.json", "free", "gpt-mini"]
    states = {id_: (row["state"], row["reason"]) for id_, row in rows.items()}
    assert states == {
        "azure": ("not_ready", "no such secret"),
        "broken": ("left_out", "parameters: is required"),
        "file.json": ("left_out", "is not JSON"),
        "free": ("ready", None),
        "gpt-mini": ("ready", None),
    }
    assert rows["azure"]["projects"] == ["alpha", "beta"]
    assert [rows[each]["price"] for each in ("gpt-mini", "free")] == ["priced", "free"]
    assert rows["gpt-mini"]["etag"] == '"e-gpt-mini"'
    assert rows["gpt-mini"]["document"] is None


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("name=mini", ["azure", "broken", "free", "gpt-mini"]),
        ("name=free", ["free"]),
        ("name=broken", ["broken"]),
        ("provider=OPENAI", ["broken", "free", "gpt-mini"]),
        ("provider=azure", ["azure"]),
        ("model_type=azureopenai", ["azure"]),
        ("project=alpha", ["azure", "free", "gpt-mini"]),
        ("project=beta", ["azure", "broken", "free", "gpt-mini"]),
        ("project=gamma", ["free", "gpt-mini"]),
        ("operation=embeddings", ["free"]),
        ("operation=ChatCompletion&provider=openai", ["broken", "gpt-mini"]),
        ("state=left_out", ["broken", "file.json"]),
        ("name=nobody", []),
    ],
)
async def test_look_ups(desk: Desk, query: str, ids: list[str]) -> None:
    """Every filter must fit; those that are left out are found by what is written in them."""
    assert await _ids(desk, query) == ids


async def test_pages(desk: Desk) -> None:
    """Each begins behind the last id of the one before, one that is gone too."""
    found: list[str] = []
    query = "limit=2"
    while True:
        page = (await desk.ask("GET", f"/admin/models?{query}")).json
        found += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        query = f"limit=2&after={page['last_id']}"
    assert found == ["azure", "broken", "file.json", "free", "gpt-mini"]
    assert await _ids(desk, "after=b") == ["broken", "file.json", "free", "gpt-mini"]
    assert (await desk.ask("GET", "/admin/models?after=z")).json["last_id"] is None


@pytest.mark.parametrize(
    ("query", "param"),
    [("limit=0", "limit"), ("limit=1001", "limit"), ("operation=x", "operation"), ("p=1", "p")],
)
async def test_a_query_that_makes_no_sense(desk: Desk, query: str, param: str) -> None:
    """One that is not known is refused: a filter that is misspelled would select everything."""
    answer = await desk.ask("GET", f"/admin/models?{query}")
    assert (answer.status, answer.error["param"]) == (400, param)


async def test_documents_are_shown_when_asked_for(desk: Desk) -> None:
    """Secrets masked."""
    answer = await desk.ask("GET", "/admin/models?documents=true")
    rows = {row["id"]: row["document"] for row in answer.json["data"]}
    assert rows["gpt-mini"] == document()
    assert rows["broken"]["auth_token"] == "*****"
    assert rows["file.json"] is None


async def test_providers(desk: Desk) -> None:
    """With their counts."""
    answer = await desk.ask("GET", "/admin/providers")
    counts = [tuple(row.values()) for row in answer.json["data"]]
    assert counts == [("Azure", 1, 0, 1, 0), ("OpenAI", 2, 2, 0, 0), ("openai", 1, 0, 0, 1)]


async def test_limits_and_the_cache_are_shown(desk: Desk) -> None:
    """As the gateway read them; of a document that is left out as they stand there."""
    limits = {"requests_per_minute": 60}
    written = document(limits=limits, model_limits={"cost_total": 5}, cache={"ttl_s": 60})
    broken = document(id="broken", limits={"cost": 5})
    desk.install(
        deployments=(_deployment(written),),
        documents={each["id"]: StoredDocument(each["id"], each, "e", 5.0) for each in (broken,)},
        problems={"broken": "limits.cost: is no limit", "gpt-mini": ""},
    )
    rows = {row["id"]: row for row in (await desk.ask("GET", "/admin/models")).json["data"]}
    mini = rows["gpt-mini"]
    assert (mini["limits"], mini["cache_ttl_s"]) == (limits, 60)
    assert mini["model_limits"] == {"cost_total": 5, "currency": "USD"}
    assert rows["broken"]["limits"] == {"cost": 5}
