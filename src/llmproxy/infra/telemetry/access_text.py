"""What a request leaves in the log of a gateway that people read: one line of text."""

from functools import lru_cache

from llmproxy.application.interfaces.journal import Closed
from llmproxy.infra.telemetry.access_line import (
    MAX_CHARS,
    MAX_WORD,
    SERVER_FAULT,
    Request,
    Stamps,
    foreign,
)

CALLER_FAULT = 400


class TextLines:
    """Makes lines such as `2026-11-23T20:00:00.250Z 200 POST /v1/models echo    3.2ms req_0f`.

    Durations stand below one another. With `coloured` the status has a colour.
    """

    def __init__(self, *, coloured: bool = False) -> None:
        self._stamps = Stamps()
        self._coloured = coloured

    def line(self, visit: Request, duration_s: float, at: float) -> bytes:
        """Return the line of a request that ended at this time, in unix seconds."""
        scope, call, status = visit.scope, visit.call, visit.status
        path, subject = scope["path"][:MAX_CHARS], visit.subject[:MAX_CHARS]
        entry = None if call is None else call.entry
        if call is None:
            path = foreign(path)
        if entry is None:
            subject = foreign(subject)
        what = f"{scope['method']} {_path(path)} {_word(subject)}"
        shown = f"\x1b[{_colour(status)}m{status}\x1b[0m" if self._coloured else str(status)
        stamp = self._stamps.of(at)
        return (
            f"{stamp} {shown} {what:<48} {duration_s * 1000:>8.1f}ms {visit.request_id}"
            f"{_remarks(visit, entry)}\n"
        ).encode()

    def notice(self, text: str) -> bytes:
        """Return a line about the lines."""
        return f"{self._stamps.now()} {text}\n".encode()


def _colour(status: int) -> str:
    """Green, yellow for what the caller did, red for what failed."""
    return "31" if status >= SERVER_FAULT else "33" if status >= CALLER_FAULT else "32"


def _remarks(visit: Request, entry: Closed | None) -> str:
    """Return tokens, and what did not go as usual."""
    said = []
    if entry is not None:
        usage = entry.usage
        if usage.total_tokens:
            said.append(f"{usage.total_input_tokens}+{usage.total_output_tokens}")
        if entry.outcome != "finished":
            said.append(entry.outcome)
    error = visit.error or (None if entry is None else entry.error)
    if error is not None:
        said.append(_word(foreign(error[:MAX_WORD])))
    return f" {' '.join(said)}" if said else ""


@lru_cache(maxsize=256)
def _path(path: str) -> str:
    return path if path.isprintable() else ascii(path)


@lru_cache(maxsize=256)
def _word(text: str) -> str:
    """Return caller-given text as one short word that cannot forge a line."""
    return (text if text.isprintable() and " " not in text else ascii(text))[:MAX_WORD] or "-"
