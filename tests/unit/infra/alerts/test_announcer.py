"""A crossing in words, in figures, and as a message."""

import json
from pathlib import Path

import pytest

from llmproxy.application.interfaces.limiter import Crossing, ScopeKind
from llmproxy.domain.limit import Measure
from llmproxy.infra.alerts.announcer import Announcer, body_of
from llmproxy.infra.alerts.webhook import Webhook
from tests.fakes.clock import FakeClock

MONEY = Crossing(
    ScopeKind.PROJECT,
    "alpha",
    "cost_per_month",
    80,
    200_000_000_001,
    250_500_000_000,
    "EUR",
    Measure.COST,
    1_798_761_600,
)
TOKENS = Crossing(ScopeKind.KEY, "k1", "tokens_per_minute", 100, 9, 9, "", Measure.TOKENS, None)


def test_words(caplog: pytest.LogCaptureFixture) -> None:
    """One warning each, with exact amounts; figures by kind and rule, not by name."""
    announcer = Announcer(FakeClock())
    for crossing in (MONEY, MONEY._replace(name="beta"), TOKENS):
        announcer.crossed(crossing)

    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3
    assert caplog.messages[0] == (
        "80 % of cost_per_month of the project 'alpha' is reached: 200.000000001 EUR of 250.5 EUR"
    )
    assert caplog.messages[2] == "100 % of tokens_per_minute of the key 'k1' is reached: 9 of 9"
    assert announcer.counts() == {"project_cost_per_month": 2, "key_tokens_per_minute": 1}


def test_messages() -> None:
    """JSON with exact decimal numbers; what there is not is null."""
    assert body_of(MONEY, 1_800_000_000.7) == (
        b'{"type":"limit.threshold","scope":{"kind":"project","name":"alpha"},'
        b'"limit":"cost_per_month","percent":80,"used":200.000000001,"most":250.5,'
        b'"currency":"EUR","window_began":"2027-01-01T00:00:00Z","at":"2027-01-15T08:00:00Z"}'
    )
    assert json.loads(body_of(TOKENS, 0.0)) == {
        "type": "limit.threshold",
        "scope": {"kind": "key", "name": "k1"},
        "limit": "tokens_per_minute",
        "percent": 100,
        "used": 9,
        "most": 9,
        "currency": None,
        "window_began": None,
        "at": "1970-01-01T00:00:00Z",
    }


def test_the_page_has_this_message() -> None:
    """The example of docs/limits.md is a real message."""
    page = (Path(__file__).parents[4] / "docs/limits.md").read_text("utf-8")
    [example] = [line for line in page.splitlines() if line.startswith('{"type"')]
    assert example.encode() == body_of(MONEY, 1_800_000_000.0)


@pytest.mark.asyncio
async def test_the_webhook_is_told() -> None:
    """Each crossing is one message."""
    bodies: list[bytes] = []

    async def post(body: bytes) -> int:
        bodies.append(body)
        return 200

    webhook = Webhook(post)
    announcer = Announcer(FakeClock(), webhook)
    announcer.crossed(MONEY)
    announcer.crossed(TOKENS)
    await webhook.stop(5.0)

    assert bodies == [body_of(each, FakeClock().now()) for each in (MONEY, TOKENS)]
    assert announcer.counts()["webhook_sent"] == 2
