"""Access lines: one per request, bounded, and not to be forged by anything a caller sends."""

import asyncio
import io
import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.telemetry.access_log import (
    FLUSH_EVERY_S,
    MAX_BUFFERED_LINES,
    BufferedAccessLog,
    SilentAccessLog,
)

LINE = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (\d+) ([A-Z]+) (\S.*) (\S+) \d+\.\dms (req_[0-9a-f]+)"
)


@dataclass
class Visit:
    """What a line says of a request."""

    scope: Any = field(default_factory=lambda: {"method": "POST", "path": "/v1/chat/completions"})
    request_id: str = "req_0f"
    status: int = 200
    subject: str = "mini"


def _written(*visits: Visit) -> str:
    out = io.StringIO()

    async def write() -> None:
        log = BufferedAccessLog(out)
        for visit in visits:
            log.write(visit, 0.0032)
        log.flush()

    asyncio.run(write())
    return out.getvalue()


def test_a_line() -> None:
    """Status, method, path, model, duration and id."""
    line = _written(Visit())

    assert line.endswith("Z 200 POST /v1/chat/completions mini 3.2ms req_0f\n")
    matched = LINE.fullmatch(line.rstrip("\n"))
    assert matched is not None


def test_without_a_model() -> None:
    """A request that named no model has a dash in its place."""
    assert " /v1/chat/completions - 3.2ms " in _written(Visit(subject=""))


@given(st.text(max_size=300), st.text(max_size=300))
def test_nothing_forges_a_line(path: str, model: str) -> None:
    """Whatever path and model hold, there is one line of bounded length, its status first."""
    text = _written(Visit({"method": "GET", "path": "/" + path}, subject=model))

    assert text.isprintable() or text[:-1].isprintable()
    assert len(text.splitlines()) == 1
    assert len(text) < 3_000
    matched = LINE.fullmatch(text.rstrip("\n"))
    assert matched is not None
    assert (matched[1], matched[2], matched[5]) == ("200", "GET", "req_0f")


@pytest.mark.asyncio
async def test_lines_are_written_by_themselves() -> None:
    """What is collected goes out soon without anybody's asking."""
    out = io.StringIO()
    log = BufferedAccessLog(out)
    log.write(Visit(), 0.1)
    log.write(Visit(), 0.1)
    assert out.getvalue() == ""
    await asyncio.sleep(FLUSH_EVERY_S * 1.5)

    assert len(out.getvalue().splitlines()) == 2
    log.write(Visit(), 0.1)
    await asyncio.sleep(FLUSH_EVERY_S * 1.5)
    assert len(out.getvalue().splitlines()) == 3


@pytest.mark.asyncio
async def test_a_flood_is_bounded() -> None:
    """What does not fit before the next flush is dropped, and said to be."""
    out = io.StringIO()
    log = BufferedAccessLog(out)
    for _ in range(MAX_BUFFERED_LINES + 7):
        log.write(Visit(), 0.1)
    log.flush()
    lines = out.getvalue().splitlines()

    assert len(lines) == MAX_BUFFERED_LINES + 1
    assert lines[-1].endswith(" 7 access lines were dropped")
    log.flush()
    assert out.getvalue().count("dropped") == 1


def test_silence() -> None:
    """The log that is switched off takes the same calls."""
    log = SilentAccessLog()
    log.write(Visit(), 0.1)
    log.flush()
