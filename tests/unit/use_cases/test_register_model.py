"""Registering models."""

import pytest

from llmproxy.application.interfaces.model_repository import Change
from llmproxy.application.use_cases.register_model import RegisterModel
from llmproxy.domain.document import parse_model
from llmproxy.infra.database.memory import MemoryModelRepository
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document

pytestmark = pytest.mark.asyncio


async def test_added_changed_unchanged() -> None:
    """The document is kept as it was written, with the time of its last change."""
    models, clock = MemoryModelRepository(), FakeClock()
    register = RegisterModel(models, clock)

    assert await register(parse_model(document(team="x"))) is Change.ADDED
    clock.advance(5)
    assert await register(parse_model(document(team="x"))) is Change.UNCHANGED
    before = await models.get("gpt-mini")
    assert await register(parse_model(document(team="y"))) is Change.CHANGED
    after = await models.get("gpt-mini")

    assert before is not None
    assert after is not None
    assert before.updated_at == clock.now() - 5
    assert after.updated_at == clock.now()
    assert after.document == document(team="y")
    assert after.etag != before.etag


async def test_many_at_once() -> None:
    """One change for each, in order; a later document takes the place of an earlier."""
    models = MemoryModelRepository()
    parsed = [parse_model(document(id=name, team=team)) for name, team in ("a1", "b1", "a2", "a2")]

    changes = await RegisterModel(models, FakeClock()).register_all(parsed)

    assert changes == [Change.ADDED, Change.ADDED, Change.CHANGED, Change.UNCHANGED]
    assert [stored.id for stored in await models.load_all()] == ["a", "b"]
