"""One record of the log is one line, whatever a provider or a caller wrote into it."""

import asyncio
import logging
import traceback
from typing import Any

from typing_extensions import override

from llmproxy.infra.wire.hiding import HIDDEN

logger = logging.getLogger("llmproxy")
CLOSED = "the handler is closed"
"""How uvloop says that a transport is closed, in a RuntimeError."""


class LineRecord(logging.LogRecord):
    """A record whose message cannot begin a line of its own, and whose traceback is marked."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - logging's own
        super().__init__(*args, **kwargs)
        if self.exc_info and self.exc_info[1] is not None:
            # Formatters take this text instead of making their own: an exception's words may be a
            # provider's, line feeds and all.
            whole = HIDDEN.hide("".join(traceback.format_exception(self.exc_info[1])))
            self.exc_text = "\n".join(f"| {printable(line)}" for line in whole.splitlines())

    @override
    def getMessage(self) -> str:
        return printable(HIDDEN.hide(super().getMessage()))


def printable(text: str) -> str:
    """Return text with everything escaped that moves a terminal or ends a line."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def note_lost_connections(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Write what the event loop reports of a connection as one line; all else as usual.

    A handshake that fails in the very turn in which its request was cancelled has nobody left to
    take its error (asyncio's `create_connection`), and uvloop's TLS may look once more at a
    transport that was closed (0.22, sslproto.pyx `_do_read`): no bugs, and no tracebacks.
    """
    error = context.get("exception")
    if isinstance(error, OSError) or CLOSED in str(error):
        logger.warning("a connection was lost: %s", str(error) or type(error).__name__)
    else:
        loop.default_exception_handler(context)


def keep_to_lines() -> None:
    """From now on let every logger of this process make such records."""
    logging.setLogRecordFactory(LineRecord)
