"""Models as administrators change them: checked, against etags, with an audit line each."""

import pytest

from llmproxy.application.interfaces.administration import ModelAdministration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.document_repository import Change
from llmproxy.domain.errors import (
    AlreadyExists,
    EtagMismatch,
    InvalidRequest,
    UnknownItem,
)
from tests.fakes.administration import FakeOffice
from tests.fakes.documents import document

ALICE = Actor("cli:alice")
pytestmark = pytest.mark.asyncio


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture(name="models")
def _models(office: FakeOffice) -> ModelAdministration:
    return office.administration(ALICE).models


async def test_a_document_is_kept_and_the_audit_says_who_did_it(
    office: FakeOffice, models: ModelAdministration
) -> None:
    """Created, replaced, patched and removed: a line each, with before and after."""
    made = await models.create(document())
    await models.replace(document(name="Two"), etag=made.stored.etag)
    kept = await models.patch("gpt-mini", {"name": "Three", "code": None}, etag=None)
    await models.remove("gpt-mini", etag=kept.stored.etag)
    lines = office.audit.changes
    assert [line.what for line in lines] == [
        "model.created",
        "model.replaced",
        "model.patched",
        "model.removed",
    ]
    assert {line.actor for line in lines} == {ALICE}
    names = [(line.before or {}).get("name", "-") for line in lines]
    assert names == ["-", "GPT mini", "Two", "Three"]
    after = [None if line.after is None else line.after["name"] for line in lines]
    assert after == ["GPT mini", "Two", "Three", None]
    assert await models.every() == []


async def test_a_document_that_stays_the_same_is_no_change(
    office: FakeOffice, models: ModelAdministration
) -> None:
    """No line is written, and its time stays."""
    made = await models.create(document())
    office.clock.advance(60)
    kept = await models.replace(dict(reversed(document().items())), etag=None)
    assert kept.stored == made.stored
    assert office.audit.words == [("model.created", "gpt-mini")]


async def test_all_that_is_wrong_is_named_at_once(models: ModelAdministration) -> None:
    """The first field is the param; nothing is kept."""
    with pytest.raises(InvalidRequest) as caught:
        await models.create(document(name=None, operations="chat", costs={"input": "x"}))
    assert caught.value.param == "name"
    assert all(field in caught.value.message for field in ("name", "operations", "costs.input"))
    assert await models.every() == []


async def test_warnings_come_back(models: ModelAdministration) -> None:
    """What is probably not meant so is told with what was kept."""
    kept = await models.create(document(costs=None))
    assert kept.warnings == (
        'costs: no price: requests will be refused (give prices, or say "free": true)',
    )


async def test_an_id_is_there_once(models: ModelAdministration) -> None:
    """A second one is refused."""
    await models.create(document())
    with pytest.raises(AlreadyExists):
        await models.create(document(name="other"))


async def test_an_unknown_id_is_said_to_be_unknown(models: ModelAdministration) -> None:
    """Whatever is asked of it."""
    for asked in (
        models.get("gpt-mini"),
        models.replace(document(), etag=None),
        models.patch("gpt-mini", {}, etag=None),
        models.remove("gpt-mini", etag=None),
    ):
        with pytest.raises(UnknownItem, match="gpt-mini"):
            await asked


async def test_an_old_etag_changes_nothing(office: FakeOffice, models: ModelAdministration) -> None:
    """Of two who read the same document only the first one changes it."""
    first = (await models.create(document())).stored.etag
    await models.patch("gpt-mini", {"name": "mine"}, etag=first)
    for asked in (
        models.replace(document(name="yours"), etag=first),
        models.patch("gpt-mini", {"name": "yours"}, etag=first),
        models.remove("gpt-mini", etag=first),
    ):
        with pytest.raises(EtagMismatch):
            await asked
    assert (await models.get("gpt-mini")).document["name"] == "mine"
    assert len(office.audit.changes) == 2


async def test_an_id_stays_what_it_is(models: ModelAdministration) -> None:
    """A patch cannot rename."""
    await models.create(document())
    for patch in ({"id": "other"}, {"id": None}):
        with pytest.raises(InvalidRequest) as caught:
            await models.patch("gpt-mini", patch, etag=None)
        assert caught.value.param == "id"


async def test_a_patch_is_checked_as_a_whole_document(models: ModelAdministration) -> None:
    """What would make a bad document is refused."""
    await models.create(document())
    with pytest.raises(InvalidRequest) as caught:
        await models.patch("gpt-mini", {"parameters": None}, etag=None)
    assert caught.value.param == "parameters"


async def test_a_mask_is_never_kept(models: ModelAdministration) -> None:
    """Whoever sends back what was shown is told, and PATCH leaves such a field alone."""
    literal = "sk-proj-0123456789abcdefABCDEF"
    await models.create(document(team_token=literal))
    with pytest.raises(InvalidRequest) as caught:
        await models.replace(document(team_token="*****"), etag=None)
    assert caught.value.param == "team_token"
    kept = await models.patch("gpt-mini", {"name": "n"}, etag=None)
    assert kept.stored.document["team_token"] == literal


async def test_the_audit_masks_what_could_be_a_secret(
    office: FakeOffice, models: ModelAdministration
) -> None:
    """The reference stays."""
    literal = "sk-proj-0123456789abcdefABCDEF"
    parameters = {"model": "m", "secret_name": "OPENAI_API_KEY", "proxy_password": literal}
    await models.create(document(parameters=parameters))
    await models.remove("gpt-mini", etag=None)
    assert literal not in repr(office.audit.changes)
    assert "OPENAI_API_KEY" in repr(office.audit.changes)


async def test_many_are_put_at_once_and_again(
    office: FakeOffice, models: ModelAdministration
) -> None:
    """The second time nothing changes; a dry run says the same and keeps nothing."""
    many = [document(id=f"m{number}") for number in range(45)]
    await models.create(document(id="m3", name="before"))
    dry = await models.put_all(many, dry_run=True)
    assert len(await models.every()) == 1
    real = await models.put_all(many, dry_run=False)
    assert [(put.id, put.change) for put in dry] == [(put.id, put.change) for put in real]
    assert real[3].change is Change.CHANGED
    assert (real[3].before or {})["name"] == "before"
    assert [line.what for line in office.audit.changes].count("model.created") == 45
    again = await models.put_all(many, dry_run=False)
    assert {put.change for put in again} == {Change.UNCHANGED}
    assert len(office.audit.changes) == 46
    assert await models.put_all([], dry_run=False) == []


async def test_of_many_with_a_bad_one_none_is_kept(models: ModelAdministration) -> None:
    """Every fault is named by the place of its document, one that stands twice too."""
    with pytest.raises(InvalidRequest) as caught:
        await models.put_all(
            [document(), document(id="b", name=None), document(), [], document(provider="?")],  # type: ignore[list-item]
            dry_run=False,
        )
    assert caught.value.param == "documents[1].name"
    for place in ("documents[1].name", "documents[2].id", "documents[3]", "documents[4].provider"):
        assert f"{place}: " in caught.value.message
    assert await models.every() == []
