"""`llmproxy keys` and `llmproxy projects` at a running gateway, and what refuses them."""

import json
from typing import Any

import pytest

from tests.api.asking import ask, bearer, within
from tests.api.cli.conftest import Remote
from tests.api.gateway import Gateway

EFFECT_S = 5.0
CHAT = {"model": "echo", "messages": [{"role": "user", "content": "Hello!"}]}


def status(gateway: Gateway, key: str) -> int:
    """What a chat with this key is answered with."""
    return ask(
        gateway.url, "/v1/chat/completions", method="POST", headers=bearer(key), body=CHAT
    ).status


def key_of(remote: Remote, project: str) -> dict[str, Any]:
    """The newest key of a project, as it is listed."""
    listed: list[dict[str, Any]] = json.loads(
        remote("keys", "list", "--json", "--project", project).stdout
    )
    return listed[-1]


def test_the_life_of_a_key(gateway: Gateway, remote: Remote) -> None:
    """Made, restricted, rotated without grace, revoked: each in effect within seconds."""
    made = remote("keys", "create", "--project", "life", "--models", "echo", "--expires", "30d")
    key = made.stdout.strip()
    assert within(EFFECT_S, lambda: status(gateway, key) == 200)

    key_id = key_of(remote, "life")["id"]
    changed = remote("keys", "change", key_id, "--models", "other", "--never-expires")
    assert "project life; other; never expires" in changed.stdout
    assert within(EFFECT_S, lambda: status(gateway, key) == 404)
    remote("keys", "change", key_id, "--all-models")
    assert within(EFFECT_S, lambda: status(gateway, key) == 200)

    rotated = remote("keys", "rotate", key_id, "--grace", "0s")
    fresh = rotated.stdout.strip()
    assert within(EFFECT_S, lambda: status(gateway, key) == 401)
    assert within(EFFECT_S, lambda: status(gateway, fresh) == 200)
    newest = key_of(remote, "life")
    assert newest["replaces"] == key_id
    assert json.loads(remote("keys", "show", newest["id"]).stdout) == newest

    revoked = remote("keys", "revoke", newest["id"])
    assert revoked.stdout == f"{newest['id']} is revoked\n"
    assert within(EFFECT_S, lambda: status(gateway, fresh) == 401)
    assert remote("keys", "revoke", newest["id"]).stdout.endswith("was revoked already\n")


def test_a_project_is_suspended(gateway: Gateway, remote: Remote) -> None:
    """Its keys open nothing until it is resumed; it goes only without live keys."""
    key = remote("keys", "create", "--project", "paused").stdout.strip()
    assert within(EFFECT_S, lambda: status(gateway, key) == 200)

    suspended = remote("projects", "set", "paused", "--suspend", "--name", "Paused")
    assert suspended.stdout == "paused is suspended: its 1 live keys open nothing\n"
    assert within(EFFECT_S, lambda: status(gateway, key) in (401, 403))
    listed = remote("projects", "list").stdout
    assert "paused\tPaused\tsuspended\t1\t0" in listed
    remote("projects", "set", "paused", "--resume")
    assert within(EFFECT_S, lambda: status(gateway, key) == 200)

    in_use = remote("projects", "remove", "paused")
    remote("keys", "revoke", key_of(remote, "paused")["id"])
    removed = remote("projects", "remove", "paused")
    assert (in_use.returncode, removed.returncode) == (1, 0)
    assert "live keys" in in_use.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("keys", "show", "key_no"), 1, "no key with this id"),
        (("projects", "show", "nobody"), 1, "no project with the id"),
        (("models", "patch", "nope", "-"), 1, "no model with the id"),
        (("keys", "create", "--project", "p", "--expires", "2020-01-01"), 2, "expired already"),
    ],
)
def test_what_the_gateway_refuses(
    remote: Remote, arguments: tuple[str, ...], code: int, message: str
) -> None:
    """In its own words, with the exit code of the same command over a store."""
    result = remote(*arguments, given="{}")
    assert (result.returncode, result.stdout) == (code, "")
    assert message in result.stderr


def test_keys_that_may_not(remote: Remote) -> None:
    """A wrong one, and one of a project: the variable to look at is named."""
    plain = remote("keys", "create", "--project", "plain").stdout.strip()

    wrong = remote("models", "list", key="0" * 40)
    other = remote("models", "list", key=plain)

    assert (wrong.returncode, other.returncode) == (1, 1)
    for result in (wrong, other):
        assert result.stdout == ""
        assert "LLMPROXY_ADMIN_KEY" in result.stderr


def test_the_audit_names_who_it_was(gateway: Gateway, remote: Remote) -> None:
    """At a gateway the key, here the one of its environment."""
    remote("projects", "set", "audited", "--name", "Audited")
    folder = gateway.environment["LLMPROXY_DATA_DIR"]
    with open(f"{folder}/audit/audit.jsonl", encoding="utf-8") as file:  # noqa: PTH123
        last = [json.loads(line) for line in file][-1]
    assert (last["actor"], last["subject"]) == ("environment", "audited")


def test_limits_at_a_gateway(gateway: Gateway, remote: Remote) -> None:
    """Set and taken away over HTTP as over a store; what is no limit is named."""
    budget = ("--limit", "cost_per_month=250.5", "--currency", "EUR", "--alert-at", "80")
    key = remote("keys", "create", "--project", "limited", *budget).stdout.strip()
    assert within(EFFECT_S, lambda: status(gateway, key) == 200)
    kept = {"cost_per_month": 250.5, "currency": "EUR", "alert_at_percent": [80]}
    made = key_of(remote, "limited")
    assert made["limits"] == kept
    changed = remote("keys", "limit", made["id"], "--limit", "requests_total=5")
    words = "5 requests_total, alerts at 80 %"
    assert changed.stdout == f"{made['id']} may use: 250.5 cost_per_month (EUR), {words}\n"
    assert remote("keys", "limit", made["id"], "--none").stdout.endswith("all it asks for\n")
    assert key_of(remote, "limited")["limits"] is None

    project = remote("projects", "limit", "limited", *budget)
    assert project.stdout == "limited may use: 250.5 cost_per_month (EUR), alerts at 80 %\n"
    shown = json.loads(remote("projects", "show", "limited").stdout)
    assert shown["document"]["limits"] == kept
    wrong = remote("projects", "limit", "limited", "--limit", "cost_per_mont=5")
    assert (wrong.returncode, "limits.cost_per_mont" in wrong.stderr) == (2, True)
