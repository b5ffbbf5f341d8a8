"""`llmproxy prices suggest`, and what `models import` says of prices that are far off.

LiteLLM is not installed where these tests run: a package of its name stands in for it, with a table
and with code that must not run.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from llmproxy.bootstrap.price_table import FILE, price_table
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

TABLE = {
    "gpt-5-mini": {
        "mode": "chat",
        "litellm_provider": "openai",
        "input_cost_per_token": 2.5e-07,
        "output_cost_per_token": 2e-06,
    },
    "whisper-1": {
        "mode": "audio_transcription",
        "litellm_provider": "openai",
        "input_cost_per_second": 0.0001,
    },
}


@pytest.fixture(name="litellm")
def _litellm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package that cannot be imported, beside a table."""
    package = tmp_path / "site" / "litellm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit('it must not be imported')", "utf-8")
    (package / FILE).write_text(json.dumps(TABLE), "utf-8")
    told = package.parent / "litellm-9.9.9.dist-info"
    told.mkdir()
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: litellm\nVersion: 9.9.9\n")
    monkeypatch.syspath_prepend(package.parent)
    return package


def put(llmproxy: Run, *documents: dict[str, Any]) -> None:
    assert llmproxy("models", "import", "-", stdin=json.dumps(documents)).exit_code == 0


def shown(llmproxy: Run, model_id: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(llmproxy("models", "show", model_id).stdout)
    return read


UNPRICED = document(costs=None)
HEARS = document(
    id="hears",
    code="hears",
    parameters={"model": "whisper-1"},
    costs=None,
    operations=["audio_stt"],
)
STRANGE = document(id="strange", code="strange", parameters={"model": "unheard-of"}, costs=None)


def test_without_litellm(llmproxy: Run) -> None:
    """What to install is said."""
    found = llmproxy("prices", "suggest")

    assert found.exit_code == 1
    assert "scripts/serve --with litellm" in found.stderr


@pytest.mark.usefixtures("litellm")
def test_nothing_is_applied_that_was_not_approved(llmproxy: Run) -> None:
    """One question for each model; what the answer to it is counts."""
    put(llmproxy, UNPRICED, HEARS, STRANGE)

    found = llmproxy("prices", "suggest", stdin="y\nn\n")

    assert found.exit_code == 0
    assert "gpt-mini: gpt-5-mini in LiteLLM 9.9.9, USD" in found.stdout
    assert "  costs.cost_input_1Mtokens: nothing -> 0.25" in found.stdout
    assert "  costs.cost_audio_second: nothing -> 0.0001" in found.stdout
    assert "gpt-mini is changed" in found.stdout
    assert "hears is changed" not in found.stdout
    assert "no price is known for strange" in found.stderr
    assert shown(llmproxy, "gpt-mini")["costs"] == {
        "cost_input_1Mtokens": 0.25,
        "cost_output_1Mtokens": 2,
        "currency": "USD",
    }
    assert "costs" not in shown(llmproxy, "hears")


@pytest.mark.usefixtures("litellm")
def test_all_at_once(llmproxy: Run) -> None:
    """With --yes nothing is asked; a second look finds nothing to do."""
    put(llmproxy, UNPRICED, HEARS)

    assert llmproxy("prices", "suggest", "--yes").exit_code == 0
    assert shown(llmproxy, "hears")["costs"] == {"cost_audio_second": 0.0001, "currency": "USD"}
    assert "no model lacks a price" in llmproxy("prices", "suggest").stderr


@pytest.mark.usefixtures("litellm")
def test_for_machines(llmproxy: Run) -> None:
    """--json asks nothing and changes nothing; with --yes it says what was applied."""
    put(llmproxy, UNPRICED)

    (looked,) = json.loads(llmproxy("prices", "suggest", "--json").stdout)["suggestions"]
    assert looked["applied"] is False
    assert (looked["id"], looked["key"], looked["litellm"]) == ("gpt-mini", "gpt-5-mini", "9.9.9")
    assert looked["differences"][0] == {
        "field": "cost_input_1Mtokens",
        "now": None,
        "then": 0.25,
        "far": False,
    }
    assert "costs" not in shown(llmproxy, "gpt-mini")
    (given,) = json.loads(llmproxy("prices", "suggest", "--json", "--yes").stdout)["suggestions"]
    assert given["applied"] is True
    assert shown(llmproxy, "gpt-mini")["costs"] == looked["patch"]["costs"]


@pytest.mark.usefixtures("litellm")
def test_comparing(llmproxy: Run) -> None:
    """--all looks at what there is, too, and marks what is far off."""
    costs = {"cost_input_1Mtokens": 0.25, "output": 0.1}
    put(llmproxy, document(costs=costs))

    assert "no model lacks a price" in llmproxy("prices", "suggest").stderr
    found = llmproxy("prices", "suggest", "--all", "gpt-mini", stdin="n\n")
    assert "costs.cost_output_1Mtokens: 100 -> 2  (more than 10 times off)" in found.stdout
    assert "cost_input" not in found.stdout
    assert shown(llmproxy, "gpt-mini")["costs"] == costs


@pytest.mark.usefixtures("litellm")
def test_an_unknown_name(llmproxy: Run) -> None:
    """It is said, as elsewhere."""
    found = llmproxy("prices", "suggest", "nobody")

    assert found.exit_code == 1
    assert "there is no model with the id or code nobody" in found.stderr


@pytest.mark.usefixtures("litellm")
def test_importing_a_price_of_the_wrong_unit(llmproxy: Run) -> None:
    """Where the table is there, it is noticed."""
    wrong = document(costs={"cost_input_1Mtokens": 0.025, "cost_output_1Mtokens": 2})
    found = llmproxy("models", "import", "-", stdin=json.dumps(wrong))

    assert found.exit_code == 0
    assert "gpt-mini: costs.cost_input_1Mtokens: 0.025 is more than 10 times off" not in (
        found.stderr
    )
    wrong["costs"]["cost_input_1Mtokens"] = 0.024
    found = llmproxy("models", "import", "-", stdin=json.dumps(wrong))
    assert (
        "warning: gpt-mini: costs.cost_input_1Mtokens: 0.024 is more than 10 times off 0.25, which "
        "LiteLLM's table has for gpt-5-mini" in found.stderr
    )


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_table_that_cannot_be_read(litellm: Path, text: str) -> None:
    """It counts as none."""
    (litellm / FILE).write_text(text, "utf-8")

    assert price_table() is None


def test_figures_are_exact(litellm: Path) -> None:
    """They are read as decimals: 1.1e-07 times a million is 0.11."""
    (litellm / FILE).write_text('{"m": {"input_cost_per_token": 1.1e-07}, "n": 1}', "utf-8")
    table = price_table()

    assert table is not None
    assert str(table.entries["m"]["input_cost_per_token"]) == "1.1E-7"
    assert set(table.entries) == {"m"}
