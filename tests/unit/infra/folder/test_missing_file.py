"""A file that is gone all at once."""

from pathlib import Path

import pytest
from typing_extensions import override

from llmproxy.infra.database.folder.document_folder import DocumentFolder
from llmproxy.infra.database.folder.reading import NOTHING, Contents, read_folder
from tests.fakes.clock import FakeClock
from tests.unit.infra.folder.test_folder import FAR_AWAY, ids
from tests.unit.infra.folder.written import write


def test_a_missing_file_is_looked_for_once_more(tmp_path: Path) -> None:
    """Whoever writes a file anew may remove it first, as git does: it is not gone yet."""
    write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "b.json", '{"id": "b"}')
    whole = read_folder(tmp_path, NOTHING, FAR_AWAY)
    (tmp_path / "b.json").unlink()
    without = read_folder(tmp_path, whole, FAR_AWAY)
    assert not without.settled

    still_without = read_folder(tmp_path, without, FAR_AWAY)
    assert (ids(still_without), still_without.settled) == (["a"], True)
    assert read_folder(tmp_path, still_without, FAR_AWAY) is still_without

    write(tmp_path / "b.json", '{"id": "b"}')
    assert ids(read_folder(tmp_path, without, FAR_AWAY)) == ["a", "b"]


class Scripted(DocumentFolder):
    """A folder whose looks find what a test says, one after another."""

    def __init__(self, *found: Contents) -> None:
        super().__init__(Path("nowhere"), FakeClock())
        self.found = list(found)

    @override
    async def _look(self) -> None:
        self._contents = self.found.pop(0)


@pytest.mark.asyncio
async def test_a_file_that_is_missing_at_the_last_look_is_waited_for() -> None:
    """While others are written without a pause, patience ends; not for one that may come back."""
    busy = Contents({}, {}, (), {}, settled=False)
    away = Contents({}, {}, (), {}, settled=False, missing=True)
    back = Contents({}, {}, (), {}, settled=False)
    folder = Scripted(*[busy] * 5, away, back)
    assert await folder.read() is back

    gone = Scripted(*[busy] * 5, *[away] * 6)
    assert await gone.read() is away
    assert gone.found == [], "patience has an end"
