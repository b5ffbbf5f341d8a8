"""One record is one line, whatever stands in it."""

import asyncio
import io
import logging
from collections.abc import Iterator

import pytest

from llmproxy.infra.telemetry.log_lines import keep_to_lines, note_lost_connections

FORGED = "HTTP 400: no\n2026-11-23 20:00:00 ERROR llmproxy: forged\r\x1b[2J\u2028\ud800 é"


@pytest.fixture(name="log")
def _log() -> Iterator[tuple[logging.Logger, io.StringIO]]:
    """A logger that writes here, with the records of a running server."""
    before = logging.getLogRecordFactory()
    keep_to_lines()
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logging.Logger("lines")  # noqa: LOG001 - of this test alone
    logger.addHandler(handler)
    yield logger, out
    logging.setLogRecordFactory(before)


def test_a_message_is_one_line(log: tuple[logging.Logger, io.StringIO]) -> None:
    """What a provider said cannot look like a line of the gateway, nor move a terminal."""
    logger, out = log
    logger.warning("%s %s", "req_1", FORGED)

    assert out.getvalue().splitlines() == [
        (
            "WARNING req_1 HTTP 400: no\\n2026-11-23 20:00:00 ERROR llmproxy: forged"
            "\\r\\x1b[2J\\u2028\\ud800 é"
        )
    ]


def test_a_traceback_is_marked(log: tuple[logging.Logger, io.StringIO]) -> None:
    """A traceback has several lines, and none of them can be taken for a record."""
    logger, out = log
    try:
        raise ValueError(FORGED)
    except ValueError:
        logger.exception("crashed")

    first, *rest = out.getvalue().splitlines()
    assert first == "ERROR crashed"
    assert rest[0] == "| Traceback (most recent call last):"
    assert all(line.startswith("| ") for line in rest)


def test_what_the_event_loop_reports(caplog: pytest.LogCaptureFixture) -> None:
    """Trouble of a connection is a line; a bug keeps its traceback."""
    loop = asyncio.new_event_loop()
    try:
        note_lost_connections(loop, {"message": "never retrieved", "exception": OSError("no TLS")})
        closed = RuntimeError("unable to perform operation on <…>; the handler is closed")
        note_lost_connections(loop, {"message": "fatal", "exception": closed})
        note_lost_connections(loop, {"message": "a callback", "exception": RuntimeError("a bug")})
    finally:
        loop.close()

    first, second, third = caplog.records
    assert (first.getMessage(), first.exc_info) == ("a connection was lost: no TLS", None)
    assert second.exc_info is None
    assert third.exc_info
