"""From files to documents, with the place of every fault."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.infra.database.folder.files import Mark, list_files, mark_of
from llmproxy.infra.wire.document_text import document_etag
from llmproxy.infra.wire.jsonc import DEFAULT_MAX_BYTES, JsoncError, Located, read_documents

SETTLED_AFTER_S: Final = 0.2
"""A file may still be being written until it was left alone for so long.

It is also longer than a tick of any file system's clock: within one, a second change leaves no
mark.
"""


class Placed(NamedTuple):
    """A document and the line on which it begins, counted from 1."""

    stored: StoredDocument
    line: int


@dataclass(frozen=True, slots=True)
class ReadFile:
    """One file as it was read; `faults` are by place, `path:line` or `path`."""

    mark: Mark | None = None
    """None when it must be read again, whatever it looks like then."""
    documents: tuple[Placed, ...] = ()
    faults: Mapping[str, str] = field(default_factory=dict)
    settled: bool = True


@dataclass(frozen=True, slots=True)
class Contents:
    """All of a folder at one time."""

    files: Mapping[str, ReadFile]
    unreadable: Mapping[str, str]
    """What could not even be opened: folders, links that lead nowhere."""
    documents: tuple[StoredDocument, ...]
    """In path order, each id once."""
    faults: Mapping[str, str]
    """By place: all that was left out."""
    settled: bool
    """Whether no file was changed a moment ago, so that nothing more is about to come."""
    missing: bool = False
    """Whether a file is gone that was there a look before."""


NOTHING: Final = Contents({}, {}, (), {}, settled=True)


def read_folder(root: Path, before: Contents, now: float) -> Contents:
    """Read the files that have changed since; blocks. Return `before` itself when none has.

    `now` is in unix seconds, by the clock that gives files their times. Raises OSError when the
    folder is not there.
    """
    listing = list_files(root)
    files: dict[str, ReadFile] = {}
    for path, mark in listing.files.items():
        known = before.files.get(path)
        file = known if known is not None and known.mark == mark else _read_file(path, now)
        if file is not None:
            files[path] = file
    unchanged = _same(files, before.files) and listing.unreadable == before.unreadable
    if unchanged and before.settled:
        return before
    documents, faults = _put_together(files)
    faults.update(listing.unreadable)
    # A file that is missing all at once may be about to be written anew: git removes it before.
    missing = not before.files.keys() <= files.keys()
    settled = all(file.settled for file in files.values()) and not missing
    return Contents(files, listing.unreadable, documents, faults, settled, missing)


def _same(now: Mapping[str, ReadFile], before: Mapping[str, ReadFile]) -> bool:
    return now.keys() == before.keys() and all(each is before[path] for path, each in now.items())


def _put_together(
    files: Mapping[str, ReadFile],
) -> tuple[tuple[StoredDocument, ...], dict[str, str]]:
    """Join the files; the first document with an id stays, any other is a fault."""
    faults: dict[str, str] = {}
    places: dict[str, str] = {}
    documents: list[StoredDocument] = []
    for path, file in files.items():
        faults |= file.faults
        for stored, line in file.documents:
            place = f"{path}:{line}"
            if stored.id in places:
                faults[place] = f"the id {stored.id} stands already at {places[stored.id]}"
                continue
            places[stored.id] = place
            documents.append(stored)
    return tuple(documents), faults


def _read_file(path: str, now: float) -> ReadFile | None:
    """Return what a file holds, None when it went away since it was listed."""
    try:
        # Opening a pipe would wait for somebody who writes into it.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        return _faulty(path, error.strerror or type(error).__name__)
    try:
        return _read_opened(path, opened, now)
    except OSError as error:
        return _faulty(path, error.strerror or type(error).__name__)
    finally:
        os.close(opened)


def _read_opened(path: str, opened: int, now: float) -> ReadFile:
    status = os.fstat(opened)
    if not stat.S_ISREG(status.st_mode):
        return _faulty(path, "not a regular file")
    # Nothing is read of a file that is refused for its size. One that grows is read again.
    data = b""
    if status.st_size <= DEFAULT_MAX_BYTES:
        with os.fdopen(opened, "rb", closefd=False) as file:
            data = file.read(status.st_size)
    documents, faults = _parsed(path, data, status)
    mark = mark_of(status)
    # The later of the two: whoever copies a file with its time sets that back.
    age_s = now - max(status.st_mtime, status.st_ctime)
    settled = mark == mark_of(os.fstat(opened)) and not 0 <= age_s < SETTLED_AFTER_S
    return ReadFile(mark if settled else None, documents, faults, settled)


def _parsed(
    path: str, data: bytes, status: os.stat_result
) -> tuple[tuple[Placed, ...], dict[str, str]]:
    """Return all documents of a file, or none when its text cannot be read to its end."""
    if status.st_size > DEFAULT_MAX_BYTES:
        return (), {path: f"more than {DEFAULT_MAX_BYTES:,} bytes"}
    documents: list[Placed] = []
    faults: dict[str, str] = {}
    try:
        for located in read_documents(data):
            fault = _take(located, status.st_mtime, documents)
            if fault:
                faults[f"{path}:{located.line}"] = fault
    except JsoncError as error:
        return (), {f"{path}:{error.line}": error.message}
    if not documents and not faults:
        faults[path] = "holds no document"
    return tuple(documents), faults


def _take(located: Located, mtime: float, documents: list[Placed]) -> str:
    """Add a document; return what is wrong with it, empty when nothing is."""
    document = located.value
    if not isinstance(document, dict):
        return "a document is an object"
    identifier = document.get("id")
    if not isinstance(identifier, str) or not identifier:
        return "the document has no id that is a string"
    stored = StoredDocument(identifier, document, document_etag(document), mtime)
    documents.append(Placed(stored, located.line))
    return ""


def _faulty(path: str, reason: str) -> ReadFile:
    return ReadFile(faults={path: reason})
