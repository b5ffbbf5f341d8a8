"""A file that is gone all at once."""

from pathlib import Path

from llmproxy.infra.database.folder.reading import NOTHING, read_folder
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
