"""`GET /v1/usage`."""

import pytest

from llmproxy.application.interfaces.limiter import Limit
from llmproxy.application.snapshot import Snapshot
from llmproxy.domain.caller import Auth, Caller, key_digest
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from llmproxy.infra.schemas.usage import OwnUsage
from tests.fakes.rows import RowsLedger, call
from tests.unit.infra.admin.asking import PLAIN_KEY
from tests.unit.infra.admin.usage_desk import UsageDesk

pytestmark = pytest.mark.asyncio
PATH = "/v1/usage"
LIMITED_KEY = "sk-llmproxy-limited"
LIMITS = Limits((Rule(Measure.REQUESTS, Window.MINUTE, 10),))


async def test_a_key_sees_its_own() -> None:
    """By day, month and ever, by model, in exact money; nobody else's."""
    desk = UsageDesk(
        ledger=RowsLedger(
            call(1),
            call(2, model="max", cost_nano=1, currency="EUR"),
            call(3, key_id="key_other", project="secret project"),
        )
    )
    answer = await desk.ask("GET", PATH, key=PLAIN_KEY)
    own = answer.json
    OwnUsage.model_validate(own)
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert (own["object"], own["key"], own["project"]) == ("usage", "key_plain", "alpha")
    assert own["at"] == "2027-01-15T08:00:00.000Z"
    assert own["day"]["since"] == "2027-01-15T00:00:00Z"
    assert own["month"]["since"] == "2027-01-01T00:00:00Z"
    assert {(each["model"], each["currency"], each["cost"]) for each in own["day"]["data"]} == {
        ("mini", "USD", "1.500000000"),
        ("max", "EUR", "0.000000001"),
    }
    assert [each["currency"] for each in own["month"]["totals"]] == ["EUR", "USD"]
    assert own["limits"] == []
    assert "other" not in answer.body.decode()
    assert "secret" not in answer.body.decode()


async def test_what_is_left() -> None:
    """Of each limit, with the time at which it is whole again; costs in units of the currency."""
    desk = UsageDesk()
    caller = Caller("key_l", "alpha", None, admin=False, expires_at=None, limits=LIMITS)
    desk.registry.install(Snapshot(keys={key_digest(b"k"): caller}))
    desk.limiter.limits = (
        Limit("key key_l", "requests", 3, 10, "requests_per_minute", held=2, reset_s=12.5),
        Limit("key key_l", "nano", 1, 5_000_000_000, "cost_total", currency="EUR"),
        Limit("project a b", "requests", 9, 4, "requests_per_day", reset_s=10.0),
        Limit("model m", "tokens", 9, 40, "tokens_per_day", held=1, reset_s=10.0),
    )
    answer = (await desk.ask("GET", PATH, key="k")).json
    limits = answer["limits"]
    assert limits[0] == {
        "scope": "key",
        "name": "key_l",
        "limit": "requests_per_minute",
        "currency": None,
        "most": 10,
        "used": 3,
        "held": 2,
        "left": 5,
        "reset_s": 12.5,
        "resets_at": 1_800_000_012.5,
    }
    assert (limits[1]["most"], limits[1]["left"]) == ("5.000000000", "4.999999999")
    assert (limits[1]["reset_s"], limits[1]["resets_at"]) == (None, None)
    assert (limits[2]["scope"], limits[2]["name"], limits[2]["left"]) == ("project", "a b", 0)
    assert (limits[3]["used"], limits[3]["held"], limits[3]["left"]) == (None, None, 30)
    OwnUsage.model_validate(answer)


async def test_who_calls_without_a_key() -> None:
    """Is refused where keys are needed; else sees what was counted for the project it names."""
    assert (await UsageDesk().ask("GET", PATH, key=None)).status == 401
    ledger = RowsLedger(call(1, key_id="none"), call(2, key_id="none", project="beta"), call(3))
    desk = UsageDesk(auth=Auth.OPEN, ledger=ledger)
    own = (await desk.ask("GET", PATH, key=None, x_project_id="beta")).json
    assert (own["key"], own["project"]) == (None, "beta")
    assert [each["requests"] for each in own["month"]["totals"]] == [1]
    wrong = await desk.ask("GET", PATH, key=None, x_project_id="a/b")
    assert (wrong.status, wrong.error["param"]) == (400, "X-Project-Id")


async def test_what_is_refused() -> None:
    """A parameter, since there are none; and a ledger that is away is a 503, never a zero."""
    desk = UsageDesk()
    odd = await desk.ask("GET", f"{PATH}?project=beta", key=PLAIN_KEY)
    assert (odd.status, odd.error["param"], odd.error["code"]) == (
        400,
        "project",
        "unknown_parameter",
    )
    desk.ledger.failure = Unavailable("The store is away.", retry_after_s=2.0)
    away = await desk.ask("GET", PATH, key=PLAIN_KEY)
    assert (away.status, away.headers["retry-after"]) == (503, "2")
