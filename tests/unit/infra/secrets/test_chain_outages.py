"""The chain when a place is away, and what bounds it."""

import asyncio
from pathlib import Path

import pytest

from llmproxy.infra.secrets.chain import Bounds
from llmproxy.infra.secrets.vault import SecretRefused, VaultAway
from tests.fakes.vault import URL, FakeVault
from tests.unit.infra.secrets.chains import ABSENT, made, started, value, why

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize(
    "fault",
    [
        VaultAway("did not answer"),
        VaultAway("answers with HTTP 429", 7.0),
        SecretRefused("refuses it"),
    ],
)
async def test_what_is_loaded_stays(fault: Exception) -> None:
    vault = FakeVault(KEY="x")
    chain = made(vault=vault)
    await chain.prepare(["KEY"])
    vault.fault = fault
    for _ in range(5):
        await chain.look(ask_vault=True)

    assert value(chain) == "x"
    assert chain.changed() == frozenset()
    assert str(fault) in str(chain.states())


async def test_a_vault_that_is_away_is_left_alone_for_a_while() -> None:
    vault = FakeVault(KEY="x", OTHER="x")
    chain = made(vault=vault)
    vault.fault = VaultAway("answers with HTTP 429", 60.0)
    await chain.prepare(["KEY"])
    asked = len(vault.asked)
    await chain.look(ask_vault=True)
    await chain.prepare(["OTHER"])

    assert len(vault.asked) == asked == 1
    assert why(chain, "OTHER") == (
        "the secret OTHER is not set in the environment, and the key vault"
        f" {URL} answers with HTTP 429"
    )
    assert chain.states() == {f"key vault {URL}": "answers with HTTP 429 (since 08:00 UTC)"}


async def test_a_vault_that_comes_back_is_asked_soon() -> None:
    """Not only when the next refresh is due."""
    vault = FakeVault(KEY="x")
    vault.fault = VaultAway("did not answer")
    async with started(made(vault=vault, refresh_s=8.0)) as chain:
        await chain.prepare(["KEY"])
        assert value(chain) is None
        vault.fault = None
        # A pause of a second was begun before the loop slept until its first refresh of files.
        chain._places.retry_at = 0.0
        await chain.look(ask_vault=True)
        assert value(chain) == "x"
        assert chain.changed() == {"KEY"}
        assert chain.states() == {f"key vault {URL}": None}


async def test_one_refused_secret_hides_no_other() -> None:
    vault = FakeVault(KEY="x", OTHER="x")
    vault.faults["OTHER"] = SecretRefused("refuses it with HTTP 403: no")
    chain = made(vault=vault)
    await chain.prepare(["KEY", "OTHER"])

    assert value(chain) == "x"
    assert why(chain, "OTHER").endswith(f", and the key vault {URL} refuses it with HTTP 403: no")
    assert chain.states() == {
        f"key vault {URL}": None,
        "secret OTHER": f"the key vault {URL} refuses it with HTTP 403: no",
    }


async def test_a_deleted_secret_is_dropped_at_the_second_word() -> None:
    vault = FakeVault(KEY="x")
    chain = made(vault=vault)
    await chain.prepare(["KEY"])
    assert value(chain) == "x"
    del vault.values["KEY"]
    await chain.look(ask_vault=True)
    assert value(chain) == "x"
    vault.values["KEY"] = "x"
    await chain.look(ask_vault=True)
    del vault.values["KEY"]
    await chain.look(ask_vault=True)
    assert (value(chain), chain.changed()) == ("x", frozenset())

    await chain.look(ask_vault=True)
    assert (value(chain), chain.changed()) == (None, {"KEY"})


async def test_a_bad_file_stops_nothing_that_works(tmp_path: Path) -> None:
    """A file that is being written is empty for a moment."""
    (tmp_path / "KEY").write_text("x")
    chain = made(tmp_path, FakeVault(KEY="vaulted"))
    await chain.prepare(["KEY"])
    (tmp_path / "KEY").write_text("")
    await chain.look(ask_vault=True)

    assert value(chain) == "x"
    assert chain.states()["secret KEY"] == f"its file in {tmp_path} is empty"


async def test_a_bad_file_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "KEY").write_text("")
    chain = made(tmp_path, FakeVault(KEY="vaulted"))
    await chain.prepare(["KEY"])
    assert why(chain) == f"{ABSENT}, and its file in {tmp_path} is empty"


async def test_a_folder_that_goes_away(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "KEY").write_text("x")
    chain = made(folder, FakeVault(OTHER="y"))
    await chain.prepare(["KEY"])
    (folder / "KEY").unlink()
    folder.rmdir()
    for _ in range(3):
        await chain.look(ask_vault=True)
    await chain.prepare(["OTHER", "THIRD"])

    assert value(chain) == "x"
    assert value(chain, "OTHER") == "y"
    assert why(chain, "THIRD").endswith(f", and {folder} does not exist")
    assert chain.states()[f"folder of secrets {folder}"] == "does not exist (since 08:00 UTC)"


@pytest.mark.parametrize("bad", ["", "\n", "h" * 65_537])
async def test_a_bad_value_in_the_vault(bad: str) -> None:
    chain = made(vault=FakeVault(KEY=bad))
    await chain.prepare(["KEY"])
    assert f", and its value in the key vault {URL} " in why(chain)


# ------------------------------------------------------------------------------------- bounds


async def test_prepare_returns_in_time() -> None:
    """A vault that says nothing holds nobody up, and its answer is told when it comes."""
    vault = FakeVault(KEY="x", OTHER="x")
    vault.silent = True
    chain = made(vault=vault, bounds=Bounds(first_prepare_s=0.2, prepare_s=0.02))
    loop = asyncio.get_running_loop()
    took = []
    for name in ("KEY", "OTHER", "OTHER"):
        began = loop.time()
        await chain.prepare([name])
        took.append(loop.time() - began)
        assert "is being looked for" in why(chain, name)
    await chain.close()

    assert 0.198 <= took[0] < 1  # a timer of the loop may fire a millisecond early
    assert max(took[1:]) < 0.2


async def test_those_who_prepare_the_same_share_the_question() -> None:
    vault = FakeVault(**{f"K-{number}": "x" for number in range(100)})
    names = [f"K_{number}" for number in range(100)]
    chain = made(vault=vault)
    await asyncio.gather(*(chain.prepare(names) for _ in range(5)))

    assert sorted(vault.asked) == sorted(vault.values)
    assert 1 < vault.at_once <= 16
    assert all(value(chain, name) == "x" for name in names)


async def test_no_more_than_so_many() -> None:
    """Names that lead nowhere make room for others; secrets that are there do not."""
    vault = FakeVault(A="x", B="x", C="x", D="x")
    chain = made(vault=vault, bounds=Bounds(max_references=3))
    await chain.prepare(["A", "B", "NOBODYS"])
    await chain.prepare(["C"])
    await chain.prepare(["D"])

    assert [value(chain, name) for name in "ABCD"] == ["x", "x", "x", None]
