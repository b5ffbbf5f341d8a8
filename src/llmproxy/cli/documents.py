"""Reading model documents from files, folders and stdin, with the place of every fault."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from llmproxy.cli.running import stop
from llmproxy.domain.document import DocumentError, Parsed, parse_model
from llmproxy.infra.wire.jsonc import DEFAULT_MAX_BYTES, JsoncError, read_documents

SUFFIXES: Final = frozenset({".json", ".jsonc"})
STDIN: Final = "-"


class Fault(NamedTuple):
    """Something that cannot be imported. `where` is a file, or `file:line: document`."""

    where: str
    message: str


class Found(NamedTuple):
    """A good document and where it stands: `file:line`."""

    place: str
    parsed: Parsed


class Harvest(NamedTuple):
    """All that was read, in order."""

    found: list[Found]
    faults: list[Fault]
    warnings: list[str]


def harvest(sources: Sequence[str], environment: Mapping[str, str]) -> Harvest:
    """Read and check every document of these files, folders, or `-` for stdin."""
    result = Harvest([], [], [])
    for source in sources:
        for name, data in _texts(source, result):
            before = len(result.found) + len(result.faults)
            _read(name, data, environment, result)
            if len(result.found) + len(result.faults) == before:
                result.faults.append(Fault(name, "holds no document"))
    _note_twins(result)
    return result


def read_object(source: str) -> dict[str, object]:
    """Return the one JSON object of a file or of stdin; ends the command when it holds none."""
    harvested = Harvest([], [], [])
    found: list[object] = []
    for name, data in _texts(source, harvested):
        try:
            found += [value for value, _ in read_documents(data)]
        except JsoncError as error:
            stop(f"{name}:{error.line}: {error.message}")
    for where, message in harvested.faults:
        stop(f"{where}: {message}")
    if len(found) != 1 or not isinstance(found[0], dict):
        stop(f"{'stdin' if source == STDIN else source}: give one JSON object")
    return found[0]


def _texts(source: str, result: Harvest) -> Iterator[tuple[str, bytes]]:
    if source == STDIN:
        yield "stdin", sys.stdin.buffer.read(DEFAULT_MAX_BYTES + 1)
        return
    path = Path(source)
    paths = [path]
    if path.is_dir():
        paths = sorted(
            each for each in path.rglob("*") if each.suffix in SUFFIXES and each.is_file()
        )
        if not paths:
            result.faults.append(Fault(source, "the folder holds no .json or .jsonc file"))
    for each in paths:
        try:
            with each.open("rb") as file:
                yield str(each), file.read(DEFAULT_MAX_BYTES + 1)
        except OSError as error:
            result.faults.append(Fault(str(each), error.strerror or type(error).__name__))


def _read(name: str, data: bytes, environment: Mapping[str, str], result: Harvest) -> None:
    try:
        for document, line in read_documents(data):
            place = f"{name}:{line}"
            where = f"{place}: {_title(document)}"
            try:
                parsed = parse_model(document, environment=environment)
            except DocumentError as error:
                result.faults.extend(Fault(where, problem.text) for problem in error.problems)
                continue
            result.found.append(Found(place, parsed))
            result.warnings.extend(f"{where}: {warning}" for warning in parsed.warnings)
    except JsoncError as error:
        result.faults.append(Fault(f"{name}:{error.line}", error.message))


def _title(document: object) -> str:
    """Name a document by its id, if it has one that can be printed on a line."""
    named = document.get("id") if isinstance(document, Mapping) else None
    return named if isinstance(named, str) and named.isprintable() and named else "document"


def _note_twins(result: Harvest) -> None:
    last: dict[str, str] = {}
    for place, parsed in result.found:
        name = parsed.model.id
        if name in last:
            result.warnings.append(f"{place}: {name}: takes the place of the one at {last[name]}")
        last[name] = place
