"""Secrets in files."""

import json
import os
from pathlib import Path

import pytest

from llmproxy.infra.secrets.folder import MAX_BYTES, Seen, look


def put(folder: Path, name: str, value: str | bytes) -> None:
    """Write a file."""
    (folder / name).write_bytes(value.encode() if isinstance(value, str) else value)


def test_a_file_is_its_secret_without_the_line_end(tmp_path: Path) -> None:
    account = json.dumps({"private_key": "-----BEGIN\nX\n"}, indent=2)
    put(tmp_path, "OPENAI_API_KEY", "value-1\n")
    put(tmp_path, "SP-BRIDGE-4852-DEV", f"{account}\r\n")
    put(tmp_path, "NOT_ASKED_FOR", "x")

    seen = look(tmp_path, {"OPENAI_API_KEY", "SP-BRIDGE-4852-DEV", "ABSENT"})

    assert seen == Seen({"OPENAI_API_KEY": "value-1", "SP-BRIDGE-4852-DEV": account})


def test_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    """A link to a link to a folder beside, swapped as a whole."""
    for number in (1, 2):
        version = tmp_path / f"..version_{number}"
        version.mkdir()
        put(version, "KEY", f"value-{number}")
    data = tmp_path / "..data"
    data.symlink_to("..version_1")
    (tmp_path / "KEY").symlink_to("..data/KEY")
    assert look(tmp_path, {"KEY", "..data"}).values == {"KEY": "value-1"}

    (tmp_path / "new").symlink_to("..version_2")
    (tmp_path / "new").rename(data)

    assert look(tmp_path, {"KEY"}).values == {"KEY": "value-2"}


def test_no_reference_is_a_path(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    (folder / "inner").mkdir(parents=True)
    put(folder / "inner", "KEY", "x")
    put(tmp_path, "OUTSIDE", "x")

    asked = {"../OUTSIDE", "inner/KEY", str(tmp_path / "OUTSIDE"), "..", ".", "", "KEY\0"}

    assert look(folder, asked) == Seen()


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    """Each is named with its reason, and the good one beside them is read."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    put(tmp_path, "OUTSIDE", "hunter2")
    put(folder, "GOOD", "x")
    put(folder, "EMPTY", " \n")
    put(folder, "LONG", b"h" * (MAX_BYTES + 1))
    put(folder, "LATIN", "hünter2".encode("latin-1"))
    (folder / "FOLDER").mkdir()
    (folder / "LOOP").symlink_to("LOOP")
    (folder / "LEADS_OUT").symlink_to("../OUTSIDE")
    (folder / "LEADS_NOWHERE").symlink_to("ABSENT")
    os.mkfifo(folder / "PIPE")

    seen = look(folder, {path.name for path in folder.iterdir()})

    assert seen.values == {"GOOD": "x"}
    assert seen.unfit.pop("FOLDER") in {"is not a regular file", "cannot be read: Is a directory"}
    assert seen.unfit.pop("LOOP").startswith("cannot be read: ")
    assert seen.unfit == {
        "EMPTY": "is empty",
        "LONG": "holds more than 64 KiB",
        "LATIN": "is not UTF-8",
        "LEADS_OUT": "is a link that leads out of the folder",
        "PIPE": "is not a regular file",
    }


def test_the_longest(tmp_path: Path) -> None:
    put(tmp_path, "LONG", b"h" * MAX_BYTES)
    assert len(look(tmp_path, {"LONG"}).values["LONG"]) == MAX_BYTES


def test_a_folder_that_was_named_and_is_not_there(tmp_path: Path) -> None:
    assert look(tmp_path / "absent", {"KEY"}) == Seen(problem="does not exist")


def test_a_file_for_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "file", "x")
    assert look(tmp_path / "file", {"KEY"}).problem == "cannot be read: Not a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        assert look(tmp_path, {"KEY"}).problem == "cannot be read: Permission denied"
    finally:
        tmp_path.chmod(0o700)
