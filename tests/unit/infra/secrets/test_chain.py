"""The chain: which place wins, what people read of it, what is told."""

import asyncio
from pathlib import Path

import pytest

from llmproxy.infra.secrets.folder import DEFAULT
from tests.fakes.vault import URL, FakeVault
from tests.unit.infra.secrets.chains import ABSENT, made, started, value, why

pytestmark = pytest.mark.asyncio


# ------------------------------------------------------------------------------ which one wins


async def test_environment_then_file_then_vault(tmp_path: Path) -> None:
    (tmp_path / "FILED").write_text("filed\n")
    (tmp_path / "SET").write_text("filed\n")
    vault = FakeVault(SET="vaulted", FILED="vaulted", VAULTED="vaulted\n")
    chain = made(tmp_path, vault, {"SET": "set"})

    await chain.prepare(["SET", "FILED", "VAULTED"])

    assert value(chain, "SET") == "set"
    assert value(chain, "FILED") == "filed"
    assert value(chain, "VAULTED") == "vaulted"
    assert vault.asked == ["VAULTED"]


async def test_underscores_are_dashes_in_the_vault() -> None:
    vault = FakeVault(**{"AZURE-OPENAI-API-KEY": "x"})
    chain = made(vault=vault)
    await chain.prepare(["AZURE_OPENAI_API_KEY", "SP.DOTTED", "A" * 128])

    assert value(chain, "AZURE_OPENAI_API_KEY") == "x"
    assert vault.asked == ["AZURE-OPENAI-API-KEY"]
    assert why(chain, "SP.DOTTED") == (
        "the secret SP.DOTTED is not set in the environment, nor in the key vault"
        f" {URL}, where names hold only letters, digits and dashes"
    )


async def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("filed")
    chain = made(tmp_path, environment={"KEY": "  "})
    await chain.prepare(["KEY"])
    assert value(chain) == "filed"


# ---------------------------------------------------------------------------- what people read


async def test_only_the_environment() -> None:
    """The folder that nobody named counts only if it is there."""
    assert not DEFAULT.exists(), "this test is for machines without /run/secrets"
    chain = made(DEFAULT)
    await chain.prepare(["KEY"])
    assert why(chain) == ABSENT
    assert chain.states() == {}


async def test_all_places_are_named(tmp_path: Path) -> None:
    chain = made(tmp_path, FakeVault())
    assert why(chain) == f"{ABSENT}, and is being looked for in {tmp_path} and the key vault {URL}"

    await chain.prepare(["KEY"])

    assert why(chain) == f"{ABSENT}, nor in {tmp_path}, nor in the key vault {URL}"
    assert chain.states() == {f"folder of secrets {tmp_path}": None, f"key vault {URL}": None}


async def test_values_are_shown_nowhere(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("hunter2")
    chain = made(tmp_path, FakeVault(OTHER="hunter2"), {"THIRD": "hunter2"})
    await chain.prepare(["KEY", "OTHER", "THIRD"])
    held = chain._held  # what a debugger or a crash report would print

    assert value(chain) == "hunter2"
    assert "hunter2" not in f"{chain!r} {held!r} {chain.states()} {chain.resolve('KEY')!r}"


# ------------------------------------------------------------------------------- what is told


async def test_one_that_is_wanted_is_looked_for_and_told() -> None:
    """Whoever was told that it is not there hears when it is."""
    vault = FakeVault(KEY="x")
    async with started(made(vault=vault)) as chain:
        assert "is being looked for" in why(chain)
        assert "is being looked for" in why(chain)
        await asyncio.sleep(0.05)

        assert chain.changed() == {"KEY"}
        assert chain.changed() == frozenset()
        assert value(chain) == "x"
        assert vault.asked == ["KEY"]


async def test_one_that_a_thread_wants() -> None:
    """Credentials that expire resolve their secrets in threads."""
    async with started(made(vault=FakeVault(KEY="x"))) as chain:
        await asyncio.to_thread(why, chain)
        await asyncio.sleep(0.05)
        assert await asyncio.to_thread(value, chain) == "x"
        assert chain.changed() == {"KEY"}


async def test_what_was_prepared_is_no_news() -> None:
    chain = made(vault=FakeVault(KEY="x"))
    await chain.prepare(["KEY"])
    assert value(chain) == "x"
    await chain.look(ask_vault=True)
    assert chain.changed() == frozenset()


async def test_rotation(tmp_path: Path) -> None:
    vault = FakeVault(VAULTED="value-1")
    (tmp_path / "FILED").write_text("value-1")
    chain = made(tmp_path, vault)
    await chain.prepare(["FILED", "VAULTED", "LATE"])
    assert [value(chain, each) for each in ("FILED", "VAULTED")] == ["value-1", "value-1"]
    assert value(chain, "LATE") is None

    (tmp_path / "FILED").write_text("value-2")
    vault.values |= {"VAULTED": "value-2", "LATE": "value-1"}
    await chain.look(ask_vault=False)
    assert chain.changed() == {"FILED"}
    await chain.look(ask_vault=True)

    assert chain.changed() == {"VAULTED", "LATE"}
    assert [value(chain, each) for each in ("FILED", "VAULTED")] == ["value-2", "value-2"]
    assert value(chain, "LATE") == "value-1"


async def test_it_refreshes_by_itself(tmp_path: Path) -> None:
    vault = FakeVault(VAULTED="value-1")
    (tmp_path / "FILED").write_text("value-1")
    async with started(made(tmp_path, vault, refresh_s=0.02)) as chain:
        await chain.prepare(["FILED", "VAULTED"])
        assert value(chain, "FILED") == value(chain, "VAULTED") == "value-1"
        (tmp_path / "FILED").write_text("value-2")
        vault.values["VAULTED"] = "value-2"
        await asyncio.sleep(0.3)
        assert value(chain, "FILED") == value(chain, "VAULTED") == "value-2"
        assert chain.changed() == {"FILED", "VAULTED"}
    assert vault.closed


async def test_a_file_goes_before_the_vault_and_after_it(tmp_path: Path) -> None:
    """A file that appears takes over; when it is gone twice in a row, the vault has its say."""
    chain = made(tmp_path, FakeVault(KEY="vaulted"))
    await chain.prepare(["KEY"])
    (tmp_path / "KEY").write_text("filed")
    await chain.look(ask_vault=False)
    assert value(chain) == "filed"

    (tmp_path / "KEY").unlink()
    await chain.look(ask_vault=False)
    assert value(chain) == "filed"
    await chain.look(ask_vault=False)
    assert value(chain) == "vaulted"
    assert chain.changed() == {"KEY"}
