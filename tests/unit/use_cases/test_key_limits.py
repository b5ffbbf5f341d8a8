"""Limits of keys: written, changed by merge patches, kept by a rotation, in every form of a key."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.administration import KeyAdministration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.key_repository import StoredKey, limits_kept
from llmproxy.domain.errors import EtagMismatch, InvalidRequest
from llmproxy.domain.limit import Limits, Measure, Rule, Window
from tests.fakes.administration import FakeOffice

WRITTEN = {
    "requests_per_minute": 60,
    "cost_per_month": 250.5,
    "currency": "EUR",
    "concurrent_requests": 3,
    "alert_at_percent": [100, 80],
}
READ = Limits(
    (Rule(Measure.REQUESTS, Window.MINUTE, 60), Rule(Measure.COST, Window.MONTH, 250_500_000_000)),
    3,
    "EUR",
    (80, 100),
)


@pytest.fixture(name="office")
def _office() -> FakeOffice:
    return FakeOffice()


@pytest.fixture(name="keys")
def _keys(office: FakeOffice) -> KeyAdministration:
    return office.administration(Actor("cli:alice")).keys


async def _issue(keys: KeyAdministration, limits: object = None) -> StoredKey:
    issued = await keys.issue(
        project="a",
        models=None,
        admin=False,
        expires_at=None,
        limits=limits,  # type: ignore[arg-type]
    )
    return issued.stored


@pytest.mark.asyncio
async def test_limits_are_kept_and_told(office: FakeOffice, keys: KeyAdministration) -> None:
    """By the key, its caller, what is shown of it, and the audit."""
    key = await _issue(keys, WRITTEN)
    assert key.limits == READ == key.caller().limits
    shown = {**WRITTEN, "alert_at_percent": [80, 100]}
    assert key.shown()["limits"] == shown
    after = office.audit.changes[0].after
    assert after is not None
    assert after["limits"] == shown
    assert await keys.get(key.id) == key


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("patch", "left"),
    [
        ({"cost_per_month": 300}, {**WRITTEN, "cost_per_month": 300}),
        ({"tokens_total": 5}, {**WRITTEN, "tokens_total": 5}),
        (
            {"cost_per_month": None, "currency": None},
            {name: WRITTEN[name] for name in WRITTEN if name not in {"cost_per_month", "currency"}},
        ),
        ({"alert_at_percent": [50]}, {**WRITTEN, "alert_at_percent": [50]}),
        (dict.fromkeys(WRITTEN), None),
        (dict.fromkeys(("requests_per_minute", "cost_per_month", "concurrent_requests")), None),
        (None, None),
        ({}, WRITTEN),
    ],
)
async def test_a_patch_changes_what_it_names(
    keys: KeyAdministration, patch: object, left: dict[str, object] | None
) -> None:
    """Null takes one away, or all; with the last bound currency and alerts go too."""
    key = await _issue(keys, WRITTEN)
    changed = await keys.patch(key.id, {"limits": patch}, etag=key.etag)
    assert changed.limits == limits_kept(left)
    assert (changed.etag != key.etag) is (changed != key)
    if changed != key:
        with pytest.raises(EtagMismatch):
            await keys.patch(key.id, {"limits": None}, etag=key.etag)


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("limits", "param"),
    [
        ({"cost_per_mont": 5}, "limits.cost_per_mont"),
        ({"cost_per_month": "5"}, "limits.cost_per_month"),
        ({"requests_total": 1.5}, "limits.requests_total"),
        ({"requests_total": -1}, "limits.requests_total"),
        ({"tokens_per_day": 10**13}, "limits.tokens_per_day"),
        ({"cost_total": 1, "currency": "euro"}, "limits.currency"),
        ({"cost_total": 1, "alert_at_percent": [0]}, "limits.alert_at_percent"),
        ({"currency": "EUR", "alert_at_percent": [80]}, "limits"),
        ([1], "limits"),
    ],
)
async def test_what_is_no_limit_is_refused(
    office: FakeOffice, keys: KeyAdministration, limits: object, param: str
) -> None:
    """Naming the field, in a new key and in a change alike; nothing is kept."""
    with pytest.raises(InvalidRequest) as caught:
        await _issue(keys, limits)
    assert caught.value.param == param
    key = await _issue(keys)
    with pytest.raises(InvalidRequest) as caught:
        await keys.patch(key.id, {"limits": limits}, etag=None)
    assert caught.value.param == param
    assert [change.subject for change in office.audit.changes] == [key.id]


@pytest.mark.asyncio
async def test_a_rotated_key_keeps_its_limits(keys: KeyAdministration) -> None:
    """Both the old one and the new one have them."""
    key = await _issue(keys, WRITTEN)
    issued = await keys.rotate(key.id, grace_s=60)
    assert issued.stored.limits == READ
    assert (await keys.get(key.id)).limits == READ


def test_a_key_without_limits_is_kept_as_before() -> None:
    """Older versions can read it, and its etag is the one that it had."""
    bare = StoredKey("key_1", b"\x01" * 32, "sk", "a", None, False, 1.0)  # noqa: FBT003
    assert "limits" not in bare.kept()
    assert bare.shown()["limits"] is None
    assert bare.etag == "bdcfecb50ea9c6b8eea0dac0a9321ae8"
    limited = replace(bare, limits=READ)
    assert limits_kept(limited.kept()["limits"]) == READ
    assert limited.etag != bare.etag
