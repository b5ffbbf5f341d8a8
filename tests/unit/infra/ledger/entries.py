"""Entries of a journal, journals that end with a test, and what their files say."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from llmproxy.application.interfaces.journal import Closed, Opened
from llmproxy.infra.ledger.journal import FileJournal
from tests.fakes.usage_ledger import NOON, call

MIB = 1024 * 1024


def opening(number: int = 1, **fields: Any) -> Opened:  # noqa: ANN401
    """The admission of the call with this number."""
    usual: dict[str, Any] = {
        "request_id": f"req_{number:06d}",
        "at": NOON + number,
        "key_id": "key_1",
        "project": "équipe",
        "model": "mini",
        "operation": "ChatCompletion",
        "deployment": "mini-1",
        "reserved_nano": 42_000,
        "prompt_nano": 70,
        "prompt_tokens": 9,
        "currency": "USD",
    }
    return Opened(**{**usual, **fields})


def record(journal: FileJournal, *numbers: int) -> list[Closed]:
    """Have it admit and settle calls; return the settlements."""
    calls = [call(number) for number in numbers]
    for number, entry in zip(numbers, calls, strict=True):
        journal.opened(opening(number))
        journal.closed(entry)
    return calls


@asynccontextmanager
async def journal_in(
    folder: Path,
    max_bytes: int = 1024 * MIB,
    **settings: Any,  # noqa: ANN401
) -> AsyncIterator[FileJournal]:
    """A journal that is closed with the block."""
    loop = asyncio.get_running_loop()
    journal = FileJournal(folder, max_bytes=max_bytes, loop=loop, **settings)
    try:
        yield journal
    finally:
        journal.close()


def files(folder: Path) -> list[Path]:
    """The files of a folder, in the order of their numbers."""
    return sorted(folder.glob("*.jsonl"), key=lambda path: path.name.rpartition("-")[2])


def names(folder: Path) -> list[str]:
    """Everything that is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def lines_of(path: Path) -> list[dict[str, Any]]:
    """All lines of a file."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def calls_in(folder: Path) -> list[dict[str, Any]]:
    """The lines of calls in all files, without those that begin and end files."""
    found = [line for path in files(folder) for line in lines_of(path)]
    return [line for line in found if "request_id" in line]


async def until(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until it holds. Raises AssertionError when the time is over."""
    end = asyncio.get_running_loop().time() + seconds
    while not holds():
        assert asyncio.get_running_loop().time() < end
        await asyncio.sleep(0.005)
