"""A folder of documents: what is read, in which order, and what is said of everything else."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.infra.database.folder import files, reading
from llmproxy.infra.database.folder.reading import NOTHING, Contents, read_folder
from tests.unit.infra.folder.written import write

FAR_AWAY = 4_000_000_000.0
"""A time at which every file has been left alone for long."""


def read(root: Path, before: Contents = NOTHING) -> Contents:
    """Read a folder whose files are settled."""
    return read_folder(root, before, FAR_AWAY)


def ids(contents: Contents) -> list[str]:
    """Return the ids of what was read, in order."""
    return [each.id for each in contents.documents]


def faults(contents: Contents, root: Path) -> Mapping[str, str]:
    """Return faults by their place below the folder."""
    return {
        place.removeprefix(f"{root}/"): reason.replace(f"{root}/", "")
        for place, reason in contents.faults.items()
    }


def test_every_way_to_write_documents(tmp_path: Path) -> None:
    """An object, an array, several after one another, comments; files by path, then by line."""
    write(tmp_path / "b.json", '{"id": "b1"}\n{"id": "b2"}')
    write(tmp_path / "a" / "z.jsonc", '// why\n[{"id": "z1"}, /* and */ {"id": "z2"}]')
    write(tmp_path / "a" / "deep" / "er.json", '{"id": "deep", "names": ["é"]}')
    write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "readme.md", "no document")
    write(tmp_path / ".git" / "hidden.json", '{"id": "hidden"}')
    write(tmp_path / ".hidden.json", "not even JSON")
    contents = read(tmp_path)

    assert ids(contents) == ["deep", "z1", "z2", "a", "b1", "b2"]
    assert contents.faults == {}
    assert contents.documents[0].document == {"id": "deep", "names": ["é"]}
    stat = (tmp_path / "a" / "deep" / "er.json").stat()
    assert contents.documents[0].updated_at == stat.st_mtime


def test_a_fault_takes_only_its_own_file(tmp_path: Path) -> None:
    """Text that cannot be read to its end takes what stands before it; other files stay."""
    write(tmp_path / "a.json", '{"id": "a1"}\n\n{"id": "a2",}')
    write(tmp_path / "b.json", '{"id": "b"}')
    write(tmp_path / "c.json", b'{"id": "c"}\n"\xff"')
    write(tmp_path / "d.json", "")
    write(tmp_path / "e.json", "// nothing but a comment\n[]")
    contents = read(tmp_path)

    assert ids(contents) == ["b"]
    found = dict(faults(contents, tmp_path))
    # Python 3.13 words it otherwise than 3.11.
    assert found.pop("a.json:3").startswith(("expecting property name", "illegal trailing comma"))
    assert found == {
        "c.json:2": "not UTF-8",
        "d.json": "holds no document",
        "e.json": "holds no document",
    }


def test_a_bad_document_takes_no_other_with_it(tmp_path: Path) -> None:
    """No object, no id, an id that is no string or empty."""
    write(tmp_path / "a.json", '{"id": "a"}\n7\n{"name": "x"}\n{"id": 5}\n{"id": ""}\n{"id": "b"}')
    contents = read(tmp_path)

    assert ids(contents) == ["a", "b"]
    assert faults(contents, tmp_path) == {
        "a.json:2": "a document is an object",
        "a.json:3": "the document has no id that is a string",
        "a.json:4": "the document has no id that is a string",
        "a.json:5": "the document has no id that is a string",
    }


def test_the_first_of_twins_stays(tmp_path: Path) -> None:
    """In path order, then by line; each other one is told where it stands already."""
    write(tmp_path / "b.json", '{"id": "x", "n": 3}')
    write(tmp_path / "a.json", '{"id": "y"}\n{"id": "x", "n": 1}\n{"id": "x", "n": 2}')
    contents = read(tmp_path)

    assert [each.document for each in contents.documents] == [{"id": "y"}, {"id": "x", "n": 1}]
    assert faults(contents, tmp_path) == {
        "a.json:3": "the id x stands already at a.json:2",
        "b.json:1": "the id x stands already at a.json:2",
    }
    (tmp_path / "a.json").unlink()
    assert [each.document for each in read(tmp_path, contents).documents] == [{"id": "x", "n": 3}]


def test_only_what_has_changed_is_read_again(tmp_path: Path) -> None:
    """Nothing has: the very same contents. One file has: the others keep what was read of them."""
    write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "b.json", '{"id": "b"}')
    first = read(tmp_path)
    assert read(tmp_path, first) is first

    write(tmp_path / "b.json", '{"id": "c"}')
    second = read(tmp_path, first)
    assert ids(second) == ["a", "c"]
    assert second.documents[0] is first.documents[0]
    assert read(tmp_path, second) is second


def test_a_file_that_takes_the_place_of_another_is_read(tmp_path: Path) -> None:
    """Though it has the same size and the same time."""
    path = write(tmp_path / "a.json", '{"id": "a"}')
    first = read(tmp_path)
    times = path.stat()
    other = write(tmp_path / "new", '{"id": "b"}')
    os.utime(other, ns=(times.st_atime_ns, times.st_mtime_ns))
    other.replace(path)

    assert ids(read(tmp_path, first)) == ["b"]


def test_a_file_that_was_changed_a_moment_ago_is_read_again(tmp_path: Path) -> None:
    """Within one tick of the file system a second change of the same size leaves no mark."""
    path = write(tmp_path / "a.json", '{"id": "a"}')
    status = path.stat()
    changed_at = max(status.st_mtime, status.st_ctime)
    young = read_folder(tmp_path, NOTHING, changed_at + reading.SETTLED_AFTER_S / 2)
    assert not young.settled
    again = read_folder(tmp_path, young, changed_at + reading.SETTLED_AFTER_S + 0.01)
    assert again is not young
    assert again.settled
    assert ids(young) == ids(again) == ["a"]
    # A clock that is behind that of the file system does not wait for ever.
    assert read_folder(tmp_path, NOTHING, changed_at - 3600).settled


def test_kubernetes_mounts(tmp_path: Path) -> None:
    """A ConfigMap: links to `..data`, which is a link to a folder that is changed at once."""
    for version in ("1", "2"):
        write(tmp_path / f"..2026_{version}" / "models.json", f'{{"id": "m", "n": {version}}}')
    (tmp_path / "..data").symlink_to("..2026_1")
    (tmp_path / "models.json").symlink_to("..data/models.json")
    first = read(tmp_path)
    (tmp_path / "..data_tmp").symlink_to("..2026_2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    second = read(tmp_path, first)

    assert [each.document["n"] for each in (*first.documents, *second.documents)] == [1, 2]
    assert first.faults == second.faults == {}


def test_links(tmp_path: Path) -> None:
    """They are followed, each folder is read once, and none leads round in circles."""
    write(tmp_path / "elsewhere" / "a.json", '{"id": "a"}')
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "one").symlink_to(tmp_path / "elsewhere")
    (folder / "two").symlink_to(tmp_path / "elsewhere")
    (folder / "up").symlink_to(folder)
    (folder / "self").symlink_to("self")
    (folder / "self.json").symlink_to("self.json")
    (folder / "nowhere.json").symlink_to("missing")
    contents = read(folder)

    assert ids(contents) == ["a"]
    assert faults(contents, folder) == {
        "nowhere.json": "No such file or directory",
        "self.json": "Too many levels of symbolic links",
    }
    assert read(folder, contents) is contents
    write(folder / "missing", '{"id": "there"}')
    later = read(folder, contents)
    assert ids(later) == ["there", "a"]
    assert list(faults(later, folder)) == ["self.json"]


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """Opening a pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.json")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket.json"))
        (tmp_path / "folder.json").mkdir()
        write(tmp_path / "folder.json" / "a.json", '{"id": "a"}')
        contents = read(tmp_path)

    assert ids(contents) == ["a"]
    assert faults(contents, tmp_path) == {
        "pipe.json": "not a regular file",
        "socket.json": "not a regular file",
    }


def test_a_file_that_must_not_be_read(tmp_path: Path) -> None:
    """A right that is missing is told, for a file and for a folder, until it is there."""
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    path = write(tmp_path / "a.json", '{"id": "a"}')
    write(tmp_path / "in" / "b.json", '{"id": "b"}')
    path.chmod(0)
    (tmp_path / "in").chmod(0)
    contents = read(tmp_path)
    path.chmod(0o600)
    (tmp_path / "in").chmod(0o700)

    assert faults(contents, tmp_path) == {"a.json": "Permission denied", "in": "Permission denied"}
    assert ids(read(tmp_path, contents)) == ["a", "b"]


def test_huge_files_are_not_read(tmp_path: Path) -> None:
    """Their size alone is enough; a sparse file costs nothing."""
    path = write(tmp_path / "a.json", "")
    os.truncate(path, reading.DEFAULT_MAX_BYTES + 1)

    assert faults(read(tmp_path), tmp_path) == {"a.json": "more than 67,108,864 bytes"}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Missing, or a file, or nested without end: said, not taken for empty."""
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "missing")
    with pytest.raises(NotADirectoryError):
        read(write(tmp_path / "file", ""))

    deep = tmp_path / "models"
    write(deep.joinpath(*"d" * (files.MAX_DEPTH + 2)) / "a.json", '{"id": "a"}')
    (reason,) = read(deep).faults.values()
    assert reason == "nested deeper than 64 folders"
