"""Records of the loggers in JSON and for people; what nobody caught is a record, too."""

import io
import json
import logging
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

from llmproxy.domain.secret import Secret
from llmproxy.infra.telemetry.log_format import JsonFormatter, TextFormatter, json_line, write_as
from llmproxy.infra.telemetry.log_lines import keep_to_lines
from llmproxy.infra.wire.hiding import HIDDEN

FORGED = "HTTP 400: no\n2026-11-23 forged\r\x1b[2J\u2028\x85\x7f\ud800 é"
SECRET = "planted-9876543210-secret"


class Written:
    """A logger that writes here, and the objects that it wrote."""

    def __init__(self, formatter: logging.Formatter, name: str = "llmproxy") -> None:
        self.out = io.StringIO()
        handler = logging.StreamHandler(self.out)
        handler.setFormatter(formatter)
        self.logger = logging.Logger(name)  # noqa: LOG001 - of this test alone
        self.logger.addHandler(handler)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """All lines, each of them an object."""
        text = self.out.getvalue()
        assert text.isascii()
        return [json.loads(line) for line in text.splitlines()]


@pytest.fixture(autouse=True, name="records")
def _records() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    keep_to_lines()
    HIDDEN.add(Secret(SECRET))
    yield
    logging.setLogRecordFactory(before)


def test_a_record() -> None:
    """When, how grave, who says it, what."""
    written = Written(JsonFormatter(), "llmproxy.ledger")
    written.logger.warning("%d lines wait", 7)

    [line] = written.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {"level": "WARNING", "logger": "llmproxy.ledger", "message": "7 lines wait"}


@pytest.mark.parametrize("end", ["", ".2"])
def test_the_request_that_a_record_is_about(end: str) -> None:
    """Its id is found at the beginning, that of a session by its slices, too."""
    written = Written(JsonFormatter())
    request_id = f"req_{'0f' * 12}"
    written.logger.warning("%s upstream_error: no", request_id + end)
    written.logger.warning("told of %s", request_id)

    first, second = written.lines
    assert first["request_id"] == request_id
    assert "request_id" not in second


def test_a_traceback_is_a_field() -> None:
    """In one string, without secrets, whatever the error says."""
    written = Written(JsonFormatter())
    try:
        raise ValueError(f"{FORGED} {SECRET}")
    except ValueError:
        written.logger.exception("crashed")

    [line] = written.lines
    assert line["traceback"].startswith("Traceback (most recent call last):\n  File ")
    assert "ValueError: HTTP 400" in line["traceback"]
    assert SECRET not in written.out.getvalue()
    assert "*****" in line["traceback"]


def test_words_of_others_are_one_line() -> None:
    """No line feed of any kind gets out, nor anything that moves a terminal."""
    written = Written(JsonFormatter())
    written.logger.warning("%s", f"{FORGED} {SECRET}")

    [line] = written.lines
    assert line["message"].isprintable()
    assert SECRET not in line["message"]


def test_the_audit_is_an_object_in_an_object() -> None:
    """What changed can be searched by its fields."""
    written = Written(JsonFormatter(), "llmproxy.audit")
    written.logger.info("%s", '{"what":"model.created","subject":"mini"}')
    written.logger.info("%s", "no object")

    first, second = written.lines
    assert first["audit"] == {"what": "model.created", "subject": "mini"}
    assert second["audit"] is None


def test_a_line_for_people() -> None:
    """Levels stand below one another, in colour where that is wanted."""
    plain, coloured = Written(TextFormatter()), Written(TextFormatter(coloured=True))
    for written in (plain, coloured):
        written.logger.info("fine")
        written.logger.warning("not fine")

    first, second = plain.out.getvalue().splitlines()
    assert first.index("llmproxy: fine") == second.index("llmproxy: not fine")
    assert "\x1b" not in plain.out.getvalue()
    first, second = coloured.out.getvalue().splitlines()
    assert "\x1b" not in first
    assert "\x1b[33mWARNING \x1b[0m" in second


def test_what_is_no_record() -> None:
    """A line that does not depend on the level has the same fields."""
    line = json.loads(json_line("LLM Proxy serves", models=3))
    assert (line["level"], line["message"], line["models"]) == ("INFO", "LLM Proxy serves", 3)


@pytest.fixture(name="process")
def _process() -> Iterator[io.StringIO]:
    """The root logger as another server left it, and everything put back behind the test."""
    root, out = logging.getLogger(), io.StringIO()
    before = (root.handlers, sys.excepthook, threading.excepthook, sys.unraisablehook)
    words = warnings.formatwarning
    root.handlers = [logging.StreamHandler(out)]
    write_as(JsonFormatter())
    yield out
    logging.captureWarnings(capture=False)
    root.handlers, sys.excepthook, threading.excepthook, sys.unraisablehook = before
    warnings.formatwarning = words


def test_everything_that_a_process_writes(process: io.StringIO) -> None:
    """Warnings, and errors that nobody caught: in the process, in a thread, in a finaliser."""

    def crash() -> None:
        raise ValueError(SECRET)

    class Finalised:
        def __del__(self) -> None:
            raise ValueError(SECRET)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn(FORGED, stacklevel=1)
        logging.captureWarnings(capture=False)
    thread = threading.Thread(target=crash, name="t")
    thread.start()
    thread.join()
    Finalised()
    try:
        crash()
    except ValueError as error:
        sys.excepthook(ValueError, error, error.__traceback__)
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    text = process.getvalue()
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["logger"], line["level"]) for line in lines] == [
        ("py.warnings", "WARNING"),
        ("llmproxy.crash", "ERROR"),
        ("llmproxy.crash", "ERROR"),
        ("llmproxy.crash", "CRITICAL"),
    ]
    assert all("ValueError: *****" in line["traceback"] for line in lines[1:])
    assert SECRET not in text
