"""Who is let in: admin keys, and nobody else."""

import pytest

from llmproxy.domain.caller import Auth
from llmproxy.domain.errors import Unavailable
from tests.fakes.documents import document
from tests.unit.infra.admin.asking import PLAIN_KEY, Desk

pytestmark = pytest.mark.asyncio
ROUTES = [
    ("GET", "/admin/models"),
    ("POST", "/admin/models"),
    ("POST", "/admin/models/import"),
    ("GET", "/admin/models/a"),
    ("PUT", "/admin/models/a"),
    ("PATCH", "/admin/models/a"),
    ("DELETE", "/admin/models/a"),
    ("GET", "/admin/providers"),
    ("GET", "/admin/keys"),
    ("POST", "/admin/keys"),
    ("GET", "/admin/keys/a"),
    ("PATCH", "/admin/keys/a"),
    ("POST", "/admin/keys/a/rotate"),
    ("DELETE", "/admin/keys/a"),
    ("GET", "/admin/projects"),
    ("GET", "/admin/projects/a"),
    ("PUT", "/admin/projects/a"),
    ("PATCH", "/admin/projects/a"),
    ("DELETE", "/admin/projects/a"),
    ("GET", "/admin"),
    ("GET", "/admin/"),
    ("GET", "/admin/nothing/here"),
    ("POST", "/admin/providers"),
]


@pytest.mark.parametrize("auth", list(Auth))
async def test_it_is_closed(auth: Auth) -> None:
    """However open the gateway is; a body that makes no sense is not even looked at."""
    desk = Desk(auth=auth)
    for method, target in ROUTES:
        none = await desk.ask(method, target, b"{", key=None)
        assert (target, none.status, none.error["code"]) == (target, 401, "invalid_api_key")
        plain = await desk.ask(method, target, b"{", key=PLAIN_KEY)
        assert (target, plain.status, plain.error["code"]) == (target, 403, "admin_key_required")
        for answer in (none, plain):
            assert answer.headers["cache-control"] == "no-store"
    assert desk.office.audit.changes == []


async def test_the_table_holds_every_route() -> None:
    """A new route without a row here fails."""
    desk = Desk()
    described = {
        (method.upper(), path.replace("{model_id}", "a").replace("{key_id}", "a"))
        for path, item in desk.app.openapi()["paths"].items()
        for method in item
    }
    named = {(method, path.replace("{project_id}", "a")) for method, path in described}
    assert named <= set(ROUTES)
    assert len(named) == 19


async def test_what_is_not_there_is_told_to_administrators() -> None:
    """Another path is 404, another method 405 with those that are allowed."""
    desk = Desk()
    for target in ("/admin", "/admin/", "/admin/nothing/here"):
        answer = await desk.ask("GET", target)
        assert (answer.status, answer.error["code"]) == (404, "unknown_url")
    wrong = await desk.ask("POST", "/admin/keys/a")
    assert (wrong.status, wrong.headers["allow"]) == (405, "DELETE, GET, PATCH")


async def test_the_audit_names_the_key() -> None:
    """By its id."""
    desk = Desk()
    await desk.ask("POST", "/admin/models", document())
    assert desk.office.audit.changes[0].actor.name == "key:key_admin"


async def test_a_store_that_is_away_is_503() -> None:
    """Never 401, and with when to come back."""
    desk = Desk()

    async def away() -> None:
        raise Unavailable("The store is away.", retry_after_s=2.0)

    desk.office.keys.load_all = away  # type: ignore[method-assign, assignment]
    answer = await desk.ask("GET", "/admin/keys")
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
