"""How records of the loggers are written: a JSON object each, or a line for people.

In both, words that others wrote cannot begin a line (`log_lines.py`).
"""

import logging
import re
import sys
import threading
import time
import warnings
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final

import msgspec
from typing_extensions import override

from llmproxy.infra.telemetry.log_lines import keep_to_lines
from llmproxy.infra.telemetry.one_line import in_ascii

REQUEST: Final = re.compile(r"(req_[0-9a-f]{24})(?:\.\d+)?\b")
"""How an id of ours begins a message, the slices of a realtime session too."""
COLOURS: Final = {"WARNING": "33", "ERROR": "31", "CRITICAL": "31"}
_encode: Final = msgspec.json.Encoder().encode

crashes = logging.getLogger("llmproxy.crash")


class JsonFormatter(logging.Formatter):
    """`timestamp`, `level`, `logger`, `message`, and where there is one `request_id`, `traceback`.

    What the audit says is an object already: it stands in `audit` as well, to be searched.
    """

    @override
    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        line: dict[str, Any] = {
            "timestamp": stamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
        }
        found = REQUEST.match(message)
        if found is not None:
            line["request_id"] = found[1]
        if record.name == "llmproxy.audit":
            line["audit"] = _object(message)
        traceback = record.exc_text or (record.exc_info and self.formatException(record.exc_info))
        if traceback:
            line["traceback"] = traceback.replace("\n| ", "\n").removeprefix("| ")
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return in_ascii(_encode(_encodable(line)))


class TextFormatter(logging.Formatter):
    """`2026-11-23T20:00:00.250Z WARNING  llmproxy: …`; with `coloured` the level has a colour."""

    def __init__(self, *, coloured: bool = False) -> None:
        super().__init__()
        self._coloured = coloured

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        level = f"{record.levelname:<8}"
        if self._coloured and record.levelname in COLOURS:
            level = f"\x1b[{COLOURS[record.levelname]}m{level}\x1b[0m"
        return f"{stamp(record.created)} {level} {record.name}: {record.message}"


def stamp(seconds: float) -> str:
    """Return unix seconds as `2026-11-23T20:00:00.250Z`."""
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def json_line(message: str, **more: object) -> str:
    """Return a line that is no record: it is written whatever the level of the log is."""
    now = time.time()  # noqa: TID251 - the line's own stamp
    line = {"timestamp": stamp(now), "level": "INFO", "logger": "llmproxy", "message": message}
    return in_ascii(_encode({**line, **more})) + "\n"


def write_as(formatter: logging.Formatter) -> None:
    """From now on let every handler of this process write like this.

    Those of another server than `llmproxy serve`, too: uvicorn sets handlers of its own before it
    loads an application. Warnings and what nobody caught become records as well.
    """
    keep_to_lines()
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.StreamHandler(sys.stderr))
    known = [each for each in root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    for logger in (root, *known):
        for handler in logger.handlers:
            handler.setFormatter(formatter)
    logging.captureWarnings(capture=True)
    warnings.formatwarning = _one_warning
    sys.excepthook = _crashed
    threading.excepthook = _thread_crashed
    sys.unraisablehook = _could_not_raise


def _one_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001 - the signature of warnings.formatwarning
) -> str:
    """Return a warning without the line of the source, which is another line."""
    return f"{filename}:{lineno}: {category.__name__}: {message}"


def _crashed(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    crashes.critical("the process crashed: %s", kind.__name__, exc_info=(kind, error, trace))


def _thread_crashed(told: threading.ExceptHookArgs) -> None:
    name = "?" if told.thread is None else told.thread.name
    if told.exc_value is None:
        crashes.error("the thread %s crashed: %s", name, told.exc_type.__name__)
        return
    crashes.error("the thread %s crashed", name, exc_info=told.exc_value)


def _could_not_raise(told: "sys.UnraisableHookArgs") -> None:
    crashes.error(
        "%s: %r",
        told.err_msg or "nobody could take an error of",
        told.object,
        exc_info=told.exc_value,
    )


def _object(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return None


def _encodable(line: dict[str, Any]) -> dict[str, Any]:
    """Return texts that UTF-8 can hold; a lone surrogate is a question mark."""
    return {
        name: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
        for name, value in line.items()
    }
