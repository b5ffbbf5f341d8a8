"""Secrets in files, as Docker and Kubernetes mount them: one file each, called like the secret."""

import os
import stat
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

DEFAULT: Final = Path("/run/secrets")
"""Where Docker puts them; it need not be there."""
MAX_BYTES: Final = 64 * 1024
MAX_FILES: Final = 100_000


class Unfit(Exception):
    """A file is there and cannot be used; the words tell why and nothing of what it holds."""


@dataclass(slots=True)
class Seen:
    """What a look into the folder found for the references that were asked for."""

    values: dict[str, str] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    """Files that cannot be used, with the reason."""
    is_there: bool = True
    problem: str | None = None
    """Why the folder as a whole cannot be read; None when it can, or when it need not be there."""


def look(folder: Path, references: Collection[str]) -> Seen:
    """Read the files of these references. Blocks: call it in a thread."""
    try:
        names = {path.name for path in folder.iterdir()}
    except FileNotFoundError:
        problem = None if folder == DEFAULT else "does not exist"
        return Seen(is_there=folder != DEFAULT, problem=problem)
    except OSError as error:
        return Seen(problem=f"cannot be read: {_reason(error)}")
    if len(names) > MAX_FILES:
        return Seen(problem=f"holds more than {MAX_FILES:,} files")
    seen = Seen()
    # Only what the folder lists is opened, so that no reference can be a path.
    for reference in names.intersection(references):
        try:
            value = _read(folder, reference)
        except Unfit as error:
            seen.unfit[reference] = str(error)
        else:
            if value is not None:
                seen.values[reference] = value
    return seen


def _read(folder: Path, name: str) -> str | None:
    """Return what a file holds, without the line end that editors put at its end.

    None when it went away meanwhile. Raises Unfit.
    """
    try:
        # A link of Kubernetes leads to a file beside it; one that leads out would be a mistake.
        path = (folder / name).resolve(strict=True)
        if not path.is_relative_to(folder.resolve(strict=True)):
            raise Unfit("is a link that leads out of the folder")
        written = _beginning(path)
    except FileNotFoundError:
        return None
    except (OSError, RuntimeError) as error:  # RuntimeError: pathlib's word for links that go round
        raise Unfit(f"cannot be read: {_reason(error)}") from None
    return fit(written)


def _beginning(path: Path) -> bytes:
    """Return at most a byte more than is allowed. Raises Unfit or OSError."""
    # Opening a pipe would wait for somebody who writes into it.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise Unfit("is not a regular file")
        with os.fdopen(opened, "rb", closefd=False) as file:
            return file.read(MAX_BYTES + 1)
    finally:
        os.close(opened)


def fit(written: bytes) -> str:
    """Return a secret's text without line ends at its end. Raises Unfit."""
    if len(written) > MAX_BYTES:
        raise Unfit(f"holds more than {MAX_BYTES // 1024} KiB")
    try:
        value = written.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise Unfit("is not UTF-8") from None
    if not value.strip():
        raise Unfit("is empty")
    return value


def _reason(error: OSError | RuntimeError) -> str:
    said = error.strerror if isinstance(error, OSError) else None
    return said or "its links go round"
