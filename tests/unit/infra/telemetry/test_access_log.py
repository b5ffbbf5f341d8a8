"""Access lines are collected, bounded, and written by a thread that nobody waits for."""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest
from typing_extensions import override

from llmproxy.infra.telemetry.access_line import Request
from llmproxy.infra.telemetry.access_log import (
    HEAVY_BYTES,
    MAX_BUFFERED_LINES,
    TOGETHER,
    BufferedAccessLog,
    SilentAccessLog,
)
from llmproxy.infra.telemetry.access_text import TextLines
from tests.unit.infra.telemetry.visits import REQUEST_ID, Visit


@pytest.fixture(name="out")
def _out(tmp_path: Path) -> Iterator[BinaryIO]:
    with (tmp_path / "out").open("w+b") as file:
        yield file


def _lines(out: BinaryIO) -> list[str]:
    return Path(str(out.name)).read_text().splitlines()


async def _until(out: BinaryIO, count: int) -> None:
    """Wait for so many lines, much longer than they may take."""
    until = time.monotonic() + 10
    while len(_lines(out)) < count and time.monotonic() < until:  # noqa: ASYNC110 - no event
        await asyncio.sleep(0.01)


@pytest.mark.asyncio
async def test_lines_are_written_by_themselves(out: BinaryIO) -> None:
    """What is collected goes out soon without anybody's asking."""
    log = BufferedAccessLog(out, TextLines())
    log.write(Visit(), 0.1)
    log.write(Visit(), 0.1)
    assert _lines(out) == []
    await _until(out, 2)
    log.write(Visit(), 0.1)
    await _until(out, 3)

    assert len(_lines(out)) == 3
    await log.close()
    assert log.counts() == {"lines_dropped_total": 0}


@pytest.mark.asyncio
async def test_the_end_writes_what_is_left(out: BinaryIO) -> None:
    """No line waits for a timer that never comes."""
    log = BufferedAccessLog(out, TextLines())
    log.write(Visit(), 0.1)
    await log.close()
    assert len(_lines(out)) == 1


@pytest.mark.asyncio
async def test_a_flood_is_bounded(out: BinaryIO) -> None:
    """What does not fit before the next flush is dropped, counted, and said to be."""
    log = BufferedAccessLog(out, TextLines())
    for _ in range(MAX_BUFFERED_LINES + 7):
        log.write(Visit(), 0.1)
    await log.close()

    lines = _lines(out)
    assert len(lines) == MAX_BUFFERED_LINES + 1
    assert lines[-1].endswith(" 7 access lines were dropped")
    assert log.counts() == {"lines_dropped_total": 7}
    await log.close()
    assert len(_lines(out)) == MAX_BUFFERED_LINES + 1


@pytest.mark.asyncio
async def test_a_reader_that_stopped_holds_up_nobody() -> None:
    """Lines for a pipe that nobody empties wait in the thread, not in the event loop."""
    reading, writing = os.pipe()
    with open(reading, "rb") as reader, open(writing, "wb") as writer:  # noqa: PTH123, ASYNC230
        log = BufferedAccessLog(writer, TextLines())
        for _ in range(3000):  # more than a pipe holds
            log.write(Visit(), 0.1)
        began = time.monotonic()
        log.flush()
        log.write(Visit(), 0.1)
        # Written here, they would wait for the reader below, for ever.
        assert time.monotonic() - began < 5
        read, _ = await asyncio.gather(
            asyncio.to_thread(lambda: [next(reader) for _ in range(3001)]), log.close()
        )
        assert len(read) == 3001


@pytest.mark.asyncio
async def test_a_reader_that_left(caplog: pytest.LogCaptureFixture) -> None:
    """Lines that cannot be written are counted, and said once to be."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "wb") as broken:  # noqa: PTH123, ASYNC230
        log = BufferedAccessLog(broken, TextLines())
        for _ in range(2):
            log.write(Visit(), 0.1)
            await log.close()
    assert log.counts() == {"lines_dropped_total": 2}
    assert [each.message for each in caplog.records].count(
        "access lines cannot be written: [Errno 32] Broken pipe"
    ) == 1


@pytest.mark.asyncio
async def test_silence() -> None:
    """The log that is switched off takes the same calls."""
    log = SilentAccessLog()
    log.write(Visit(), 0.1)
    await log.close()
    assert log.counts() == {"lines_dropped_total": 0}


class _Counting(TextLines):
    """Lines that are counted while they are made; of some requests none can be made."""

    made = 0

    @override
    def line(self, visit: Request, duration_s: float, at: float) -> bytes:
        self.made += 1
        if visit.subject == "odd":
            raise ValueError("odd")
        return super().line(visit, duration_s, at)


@pytest.mark.asyncio
async def test_lines_are_made_of_many_in_a_row(out: BinaryIO) -> None:
    """In the order in which the requests ended; one that holds much is not held back."""
    lines = _Counting()
    log = BufferedAccessLog(out, lines)
    for number in range(TOGETHER - 1):
        log.write(Visit(subject=f"number-{number}"), 0.1)
    assert lines.made == 0
    log.write(Visit(), 0.1)
    assert lines.made == TOGETHER
    log.write(Visit(kept_bytes=HEAVY_BYTES), 0.1)
    assert lines.made == TOGETHER
    log.write(Visit(kept_bytes=HEAVY_BYTES + 1), 0.1)
    assert lines.made == TOGETHER + 2
    await log.close()
    written = _lines(out)
    assert len(written) == TOGETHER + 2
    assert all(f" number-{number} " in written[number] for number in range(TOGETHER - 1))


@pytest.mark.asyncio
async def test_a_line_that_cannot_be_made_is_lost_alone(
    out: BinaryIO, caplog: pytest.LogCaptureFixture
) -> None:
    """It is counted and said; those of other requests are written."""
    log = BufferedAccessLog(out, _Counting())
    for subject in ("first", "odd", "last"):
        log.write(Visit(subject=subject), 0.1)
    await log.close()
    written = _lines(out)
    assert [line.split()[4] for line in written[:2]] == ["first", "last"]
    assert written[2].endswith(" 1 access lines were dropped")
    assert log.counts() == {"lines_dropped_total": 1}
    assert f"{REQUEST_ID} has no access line" in caplog.text
