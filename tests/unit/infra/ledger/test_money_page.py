"""What docs/money.md says of the journal is what the journal reads and writes."""

import re
from pathlib import Path

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.domain.usage import Usage
from llmproxy.infra.ledger.carrier import Carrier
from llmproxy.infra.ledger.lines import everything, is_ours
from llmproxy.infra.telemetry.prometheus.figures import figure_of
from tests.fakes.usage_ledger import FakeUsageLedger
from tests.unit.infra.ledger.entries import journal_in, opening

PAGE = (Path(__file__).parents[4] / "docs/money.md").read_text("utf-8")
BLOCK = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_example_is_a_journal() -> None:
    """It has an admission and its settlement, and says which file goes on."""
    [example] = BLOCK.findall(PAGE)
    piece = everything(example.encode(), 0)

    assert is_ours(example.encode())
    assert piece.damaged == []
    assert piece.next
    [opened], [closed] = piece.opened, piece.closed
    assert (opened.request_id, opened.at) == (closed.request_id, closed.at)
    assert type(opened) is type(opening())
    assert closed.attempts[0].usage == closed.usage == Usage(9, output_tokens=12)


def test_the_words_are_all_there() -> None:
    """Every outcome has its line, and the counts of a usage stand in their order."""
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)[:6] == [
        "finished",
        "failed",
        "refused",
        "aborted",
        "cached",
        "interrupted",
    ]
    assert {outcome.value for outcome in Outcome} <= set(re.findall(r"`(\w+)`", PAGE))
    counts = PAGE[PAGE.index("`usage` is an array") :].partition(".\n")[0]
    assert tuple(re.findall(r"`(\w+)`", counts)[1:]) == Usage._fields


@pytest.mark.asyncio
async def test_every_figure_is_told_of(tmp_path: Path) -> None:
    """The table of figures has those of `/metrics`, and no other."""
    async with journal_in(tmp_path) as journal:
        counted = Carrier(journal, FakeUsageLedger()).counts()
    figures = {
        figure_of("ledger", name).family.name.removeprefix("llmproxy_ledger_") for name in counted
    }
    table = PAGE[PAGE.index("| figure |") :].partition("\n\n")[0]
    firsts = [line.split("|")[1] for line in table.splitlines()[2:]]

    assert {name for first in firsts for name in re.findall(r"`(\w+)`", first)} == figures
