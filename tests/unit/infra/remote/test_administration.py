"""Administration at a distance is what it is here: one suite, asked of both.

There, requests go to the gateway's own routes, without a socket between.
"""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from typing_extensions import override

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.document_repository import Change
from llmproxy.application.interfaces.key_repository import limits_kept
from llmproxy.domain.errors import (
    AlreadyExists,
    EtagMismatch,
    GatewayError,
    InvalidRequest,
    LimitsNeedRedis,
    UnknownItem,
)
from llmproxy.domain.operation import Operation
from llmproxy.domain.secret import Secret
from llmproxy.domain.selection import Selection
from llmproxy.infra.remote.address import address
from llmproxy.infra.remote.administration import RemoteKeys, RemoteModels, RemoteProjects
from llmproxy.infra.remote.exchange import Exchange, Reply
from llmproxy.infra.remote.failures import failure
from tests.fakes.documents import document
from tests.unit.infra.admin.asking import ADMIN_KEY, Desk

NOW = 1_800_000_000.0


class DirectExchange(Exchange):
    """Asks the routes of a desk in this process."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(address("http://gateway"), Secret(ADMIN_KEY))
        self._desk = desk

    @override
    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Mapping[str, object] | None = None,
        etag: str | None = None,
        kind: str = "application/json",
    ) -> Reply:
        headers = {"content_type": kind} | ({} if etag is None else {"if_match": etag})
        answer = await self._desk.ask(method, path, body, **headers)
        if answer.status >= 300:
            raise failure("http://gateway", answer.status, answer.body)
        values = json.loads(answer.body) if answer.body else {}
        return Reply(values, answer.headers.get("etag", ""), answer.body)


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


@pytest.fixture(name="office", params=["here", "there"])
def _office(request: pytest.FixtureRequest, desk: Desk) -> Administration:
    if request.param == "here":
        return desk.office.administration(Actor("nobody"))
    exchange = DirectExchange(desk)
    return Administration(RemoteModels(exchange), RemoteKeys(exchange), RemoteProjects(exchange))


async def refused(doing: Any, error: type[GatewayError]) -> GatewayError:  # noqa: ANN401
    """What is raised, which is exactly of this kind."""
    with pytest.raises(GatewayError) as caught:
        await doing
    assert type(caught.value) is error
    return caught.value


@pytest.mark.asyncio
async def test_a_document_from_creation_to_removal(office: Administration) -> None:
    """Created once, replaced and patched by its etag, removed once."""
    models = office.models
    created = await models.create(document())
    await refused(models.create(document()), AlreadyExists)
    found = await models.get("gpt-mini")
    assert (found.document, found.etag) == (document(), created.stored.etag)

    replaced = await models.replace(document(name="B"), etag=found.etag)
    await refused(models.replace(document(name="C"), etag=found.etag), EtagMismatch)
    await refused(models.patch("gpt-mini", {"name": "C"}, etag=found.etag), EtagMismatch)
    patched = await models.patch("gpt-mini", {"name": "C"}, etag=replaced.stored.etag)
    assert patched.stored.document == document(name="C")
    await models.replace(document(name="D"), etag=None)
    await refused(models.remove("gpt-mini", etag=found.etag), EtagMismatch)
    await models.remove("gpt-mini", etag=None)

    await refused(models.get("gpt-mini"), UnknownItem)
    await refused(models.remove("gpt-mini", etag=None), UnknownItem)
    await refused(models.replace(document(), etag=None), UnknownItem)


@pytest.mark.asyncio
async def test_many_documents(office: Administration) -> None:
    """All or none; a dry run tells what was there before."""
    await office.models.create(document())
    given = [document(name="New"), document(id="second", operations=[])]

    dry = await office.models.put_all(given, dry_run=True)
    done = await office.models.put_all(given, dry_run=False)
    bad = await refused(office.models.put_all([{"id": "x"}], dry_run=False), InvalidRequest)

    words = [("gpt-mini", Change.CHANGED), ("second", Change.ADDED)]
    assert [(each.id, each.change) for each in dry] == words
    assert [(each.id, each.change) for each in done] == words
    assert [each.before for each in dry] == [document(), None]
    assert "operations" in done[1].warnings[0]
    assert "documents[0].name" in bad.message
    assert (await office.models.get("second")).document == given[1]


@pytest.mark.asyncio
async def test_keys(office: Administration) -> None:
    """Issued, changed, rotated, revoked; times and rights arrive as they were given."""
    issued = await office.keys.issue(
        project="p", models=frozenset({"b", "a"}), admin=False, expires_at=NOW + 500.5
    )
    stored = issued.stored
    assert issued.key.expose().startswith(stored.prefix)
    assert (stored.project, stored.models, stored.admin) == ("p", frozenset({"a", "b"}), False)
    assert (stored.created_at, stored.expires_at) == (NOW, NOW + 500.5)

    changed = await office.keys.patch(stored.id, {"models": None, "expires_at": None}, etag=None)
    assert (changed.models, changed.expires_at) == (None, None)
    rotated = await office.keys.rotate(stored.id, grace_s=60)
    assert rotated.stored.replaces == stored.id
    assert (await office.keys.get(stored.id)).expires_at == NOW + 60
    revoked = await office.keys.revoke(stored.id)
    assert revoked.revoked_at == NOW
    listed = await office.keys.every()
    assert {key.id for key in listed} == {stored.id, rotated.stored.id}  # made in one moment
    admin = await office.keys.issue(project=None, models=None, admin=True, expires_at=None)
    assert (admin.stored.project, admin.stored.admin) == (None, True)

    await refused(office.keys.get("key_no"), UnknownItem)
    useless = office.keys.issue(project="p", models=frozenset(), admin=False, expires_at=None)
    assert (await refused(useless, InvalidRequest)).param == "models"
    await refused(office.keys.rotate(stored.id, grace_s=0), InvalidRequest)


@pytest.mark.asyncio
async def test_projects(office: Administration) -> None:
    """Those with a document and those that a key names; with their figures."""
    await office.keys.issue(project="b", models=None, admin=False, expires_at=None)
    await office.models.create(document(private=True, projects=["b"]))
    put = await office.projects.put({"id": "a", "name": "A"}, etag=None)
    patched = await office.projects.patch("a", {"suspended": True}, etag=None)

    assert put.stored is not None
    assert patched.stored is not None
    assert {**patched.stored.document, "description": ""} == {
        "id": "a",
        "name": "A",
        "description": "",
        "suspended": True,
    }
    every = await office.projects.every()
    assert [(each.id, each.live_keys, each.private_models) for each in every] == [
        ("a", 0, 0),
        ("b", 1, 1),
    ]
    assert (await office.projects.get("b")).stored is None
    await refused(office.projects.patch("a", {"name": "X"}, etag='"old"'), EtagMismatch)
    await refused(office.projects.get("c"), UnknownItem)
    await refused(office.projects.remove("b", etag=None), AlreadyExists)
    await office.projects.remove("a", etag=None)
    await refused(office.projects.get("a"), UnknownItem)


@pytest.mark.asyncio
async def test_look_ups_of_what_the_gateway_serves(desk: Desk) -> None:
    """Rows become views: the prices of the document, the state of the gateway."""
    await desk.office.models.put_all([document(), document(id="b", costs={"input": "x"})], at=1.0)
    stored = {each.id: each for each in await desk.office.models.load_all()}
    desk.install(documents=stored, problems={"b": "costs.input: must be a number"})
    models = RemoteModels(DirectExchange(desk))

    found = {view.id: view for view in await models.look_up(Selection())}
    chosen = await models.look_up(
        Selection(name="b", provider="openai", operation=Operation.CHAT_COMPLETION)
    )

    assert (found["gpt-mini"].currency, found["gpt-mini"].input_price) == ("USD", "1")
    assert found["b"].state == "refused: costs.input: must be a number"
    assert [view.id for view in chosen] == ["b"]
    assert [each.document for each in await models.every()] == [
        each.document for each in sorted(stored.values(), key=lambda each: each.id)
    ]


LIMITS = {"cost_per_month": 250.5, "currency": "EUR", "alert_at_percent": [80]}


@pytest.mark.asyncio
async def test_limits_of_a_key_and_of_a_project(desk: Desk, office: Administration) -> None:
    """Made, changed, taken away; refused where they could not be counted."""
    issued = await office.keys.issue(
        project="a", models=None, admin=False, expires_at=None, limits=LIMITS
    )
    key_id = issued.stored.id
    assert issued.stored.limits == limits_kept(LIMITS)
    changed = await office.keys.patch(key_id, {"limits": {"requests_total": 5}}, etag=None)
    assert changed.limits == limits_kept({**LIMITS, "requests_total": 5})
    assert [each.limits for each in await office.keys.every()] == [changed.limits]
    rotated = await office.keys.rotate(key_id, grace_s=0)
    assert rotated.stored.limits == changed.limits
    wrong = await refused(
        office.keys.patch(key_id, {"limits": {"requests": 5}}, etag=None), InvalidRequest
    )
    assert wrong.param == "limits.requests"

    limited = await office.projects.patch("b", {"limits": LIMITS}, etag=None)
    assert limited.stored is not None
    assert limited.stored.document["limits"] == LIMITS
    wrong = await refused(
        office.projects.patch("b", {"limits": {"requests": 5}}, etag=None), InvalidRequest
    )
    assert wrong.param == "limits.requests"

    desk.office.counting.reason = "two workers serve"
    made = {"project": "a", "models": None, "admin": False, "expires_at": None}
    for doing in (
        office.keys.issue(**made, limits=LIMITS),
        office.keys.patch(rotated.stored.id, {"limits": LIMITS}, etag=None),
        office.projects.patch("b", {"limits": {"requests_total": 5}}, etag=None),
    ):
        error = await refused(doing, LimitsNeedRedis)
        assert "two workers serve" in error.message
    # The rotated one has expired: its limits can still be taken away.
    assert (await office.keys.patch(key_id, {"limits": None}, etag=None)).limits is None
    without = (await office.projects.patch("b", {"limits": None}, etag=None)).stored
    assert without is not None
    assert "limits" not in without.document
