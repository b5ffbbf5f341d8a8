"""Secrets in Azure Key Vault: rotated, cut off, deleted, late, forbidden."""

import threading
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.secrets.stage import KEY, NAME_IN_VAULT, staged
from tests.simulators.key_vault import KeyVaultSimulator
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import away

SOON_S = 10.0


def test_a_rotated_secret_is_used(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    """Without a restart, and with the old key until the new one is there."""
    vault.keep(NAME_IN_VAULT, "value-1")
    with staged(tmp_path, upstream, in_vault) as stage:
        assert stage.uses("value-1")
        assert stage.report("secrets") == {"ready": 1, "failing": 0, "reasons": {}}

        vault.keep(NAME_IN_VAULT, "value-2")
        upstream.api_key = "value-2"
        assert within(SOON_S, lambda: stage.uses("value-2"))
        assert "value-" not in stage.gateway.log


@pytest.mark.parametrize("how", ["refused", "hangs", "throttled", "fails", "forbidden"])
def test_an_outage_harms_nothing_that_is_loaded(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
    how: str,
) -> None:
    """Requests go on all the while, and the report tells of the vault."""
    vault.keep(NAME_IN_VAULT, "value-1")
    with staged(tmp_path, upstream, in_vault) as stage:
        assert stage.uses("value-1")
        ended = threading.Event()
        statuses: list[int] = []

        def keep_asking() -> None:
            while not ended.wait(0.02):
                statuses.append(stage.asked().status)

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            if how == "refused":
                with away(vault):
                    assert within(SOON_S, lambda: bool(stage.report("secrets")["failing"]))
            else:
                _disturb(vault, how)
                assert within(15, lambda: bool(stage.report("secrets")["failing"]))
            time.sleep(2)
            vault.reset()
            vault.stored(NAME_IN_VAULT).forbidden = False
            vault.keep(NAME_IN_VAULT, "value-1")
            assert within(SOON_S, lambda: not stage.report("secrets")["failing"])
        finally:
            ended.set()
            asking.join()

        assert len(statuses) > 50
        assert set(statuses) == {200}


def _disturb(vault: KeyVaultSimulator, how: str) -> None:
    if how == "hangs":
        vault.fail_next("hang_before_headers", times=None)
    elif how == "throttled":
        vault.fail_next("status", status=429, headers={"retry-after": "2"}, times=None)
    elif how == "fails":
        vault.fail_next("status", status=503, times=None)
    else:
        vault.stored(NAME_IN_VAULT).forbidden = True


def test_a_secret_that_appears_later_makes_its_model_ready(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    """Until then the model is not ready, and says where its secret was looked for."""
    with staged(tmp_path, upstream, in_vault) as stage:
        assert stage.waits()
        assert stage.reason() == (
            f"the secret {KEY} is not set in the environment, nor in the key vault {vault.url}"
        )
        vault.keep(NAME_IN_VAULT, "value-1")
        assert within(SOON_S, lambda: stage.uses("value-1"))
        assert stage.reason() == ""


def test_a_deleted_secret_is_used_no_more(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    """When the vault has said twice that it is not there."""
    vault.keep(NAME_IN_VAULT, "value-1")
    with staged(tmp_path, upstream, in_vault) as stage:
        assert stage.serves()
        asked = len(vault.asked)
        vault.drop(NAME_IN_VAULT)
        assert within(SOON_S, stage.waits)
        assert len(vault.asked) >= asked + 2


def test_a_vault_that_is_away_at_the_start(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    """The gateway starts, serves what it can, and finds the rest when the vault is back."""
    vault.keep(NAME_IN_VAULT, "value-1")
    settings = {**in_vault, "ANOTHER": "value-1"}
    with away(vault):
        began = time.monotonic()
        stage_of = staged(tmp_path, upstream, settings, KEY, "ANOTHER")
        stage = stage_of.__enter__()
        assert time.monotonic() - began < 20
    try:
        assert stage.serves("ANOTHER")
        assert within(SOON_S, lambda: stage.uses("value-1"))
    finally:
        stage_of.__exit__(None, None, None)


def test_a_silent_vault_holds_the_start_up_for_seconds_only(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    vault.keep(NAME_IN_VAULT, "value-1")
    vault.fail_next("hang_before_headers", times=None)
    began = time.monotonic()
    with staged(tmp_path, upstream, in_vault) as stage:
        assert time.monotonic() - began < 20
        assert stage.waits()
        assert "is being looked for" in stage.reason() or "did not answer" in stage.reason()
        vault.reset()
        assert within(15, lambda: stage.uses("value-1"))


def test_a_vault_that_lets_nobody_in(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    """The report says why, in Entra ID's words, without the secret."""
    vault.keep(NAME_IN_VAULT, "value-1")
    settings = {**in_vault, "AZURE_CLIENT_SECRET": "another~secret"}
    with staged(tmp_path, upstream, settings) as stage:
        assert stage.waits()
        assert "AADSTS7000215" in str(stage.report("secrets"))
        assert "AADSTS7000215" in stage.reason()
        assert "another~secret" not in str(stage.report("secrets")) + stage.gateway.log


def test_environment_goes_first(
    tmp_path: Path,
    vault: KeyVaultSimulator,
    upstream: OpenAISimulator,
    in_vault: Mapping[str, str],
) -> None:
    vault.keep(NAME_IN_VAULT, "value-2")
    with staged(tmp_path, upstream, {**in_vault, KEY: "value-1"}) as stage:
        assert stage.uses("value-1")
        assert vault.requests == []
