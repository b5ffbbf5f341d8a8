"""The log of contents: takes a request's end without waiting, and writes it in a thread.

The thread parses and redacts, which takes the same interpreter as the event loop: docs/logging.md
says what that costs.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from llmproxy.domain.operation import Endpoint
from llmproxy.infra.telemetry.access_line import Request
from llmproxy.infra.telemetry.content.files import ContentFiles
from llmproxy.infra.telemetry.content.reading import MAX_PARSED_BYTES, read_events, read_json
from llmproxy.infra.telemetry.content.redaction import Redaction
from llmproxy.infra.telemetry.log_format import stamp
from llmproxy.infra.telemetry.one_line import contained

logger = logging.getLogger("llmproxy.content")

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
OVERHEAD_BYTES: Final = 2048
LAST_S: Final = 5.0
IDLE_S: Final = 60.0
EVENTS: Final = b"content-type: text/event-stream"
_encode: Final = msgspec.json.Encoder().encode


class Recorded(Request, Protocol):
    """A request whose contents were kept."""

    asked: bytes
    answered: list[bytes]
    answered_bytes: int


class Said(NamedTuple):
    """What was asked and answered, as it is handed to the thread."""

    at: float
    facts: Mapping[str, Any]
    asked: bytes
    texts: Mapping[str, bytes]
    """Of a form; its files are told by their sizes."""
    answered: list[bytes]
    answered_bytes: int
    events: bool

    @property
    def size(self) -> int:
        """What it takes of the memory."""
        kept = sum(map(len, self.answered)) + sum(map(len, self.texts.values()))
        return OVERHEAD_BYTES + len(self.asked) + kept


class ContentLog:
    """Of calls of these projects, all when there are none. At most 64 MiB wait for the thread."""

    def __init__(
        self,
        files: ContentFiles,
        redaction: Redaction,
        *,
        projects: frozenset[str] = frozenset(),
        max_bytes: int,
    ) -> None:
        self._files = files
        self._redaction = redaction
        self._projects = projects
        self._max_bytes = max_bytes
        self._waiting: deque[Said] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._ending = False
        self._failed = False
        self._dropped = self._written = self._lost = self._deleted = 0
        self._thread = threading.Thread(target=self._run, name="contents", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def write(self, visit: Recorded) -> None:
        """Take a request that has ended, unless it is none to be logged or there is no room.

        What is said in a realtime session does not pass here: a line of it would say nothing.
        """
        call, caller = visit.call, visit.caller
        if call is None or caller is None or call.endpoint is Endpoint.REALTIME:
            return
        project = caller.project
        if self._projects and project not in self._projects:
            return
        upload = call.upload
        texts: dict[str, bytes] = {}
        facts: dict[str, Any] = {
            "request_id": visit.request_id,
            "key_id": caller.key_id,
            "project": project or caller.tag,
            "model": call.model if call.entry is None else call.entry.model,
            "operation": str(call.operation),
            "status": visit.status,
            "outcome": None if call.entry is None else str(call.entry.outcome),
        }
        if upload is not None:
            texts = {name: call.body.value(name) or b"null" for name in call.body.fields}
            facts["files"] = {part.name: part.size for part in upload.parts() if part.is_file}
        now = time.time()  # noqa: TID251 - the line's own stamp
        events = EVENTS in visit.head.lower()
        self._take(
            Said(now, facts, visit.asked, texts, visit.answered, visit.answered_bytes, events)
        )

    def counts(self) -> dict[str, float]:
        """Return figures since the start; `dropped` for want of room, `lost` by a failing disk."""
        return {
            "written": self._written,
            "dropped": self._dropped,
            "lost": self._lost,
            "deleted_files": self._deleted,
            "waiting_bytes": self._waiting_bytes,
        }

    def close(self, seconds: float = LAST_S) -> None:
        """Write what waits, for so long at most. Blocks."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(seconds)

    def _take(self, said: Said) -> None:
        size = said.size
        with self._changed:
            if self._waiting_bytes + size > MAX_WAITING_BYTES or self._ending:
                self._dropped += 1
                return
            self._waiting.append(said)
            self._waiting_bytes += size
            self._changed.notify()

    def _run(self) -> None:
        while True:
            self._tidy()
            with self._changed:
                if not self._waiting and not self._ending:
                    self._changed.wait(IDLE_S)
                if not self._waiting:
                    if self._ending:
                        break
                    continue
                said = self._waiting.popleft()
            self._put(said)
            with self._changed:
                self._waiting_bytes -= said.size
        self._files.close()

    def _put(self, said: Said) -> None:
        try:
            self._files.append(self._line(said), said.at)
        except Exception as error:  # noqa: BLE001 - one strange body must not end the thread
            self._lost += 1
            if not self._failed:
                logger.warning("contents cannot be written: %s", error)
            self._failed = True
        else:
            self._written += 1
            self._failed = False

    def _tidy(self) -> None:
        try:
            now = time.time()  # noqa: TID251 - compared with times of files
            self._deleted += self._files.tidy(now)
        except OSError as error:
            logger.warning("old contents cannot be deleted: %s", error)

    def _line(self, said: Said) -> bytes:
        """Return the line, redacted before anything is cut."""
        redaction = self._redaction
        redaction.found.clear()
        texts = {name: read_json(value) for name, value in said.texts.items()}
        cut: list[str] = []
        asked = texts if said.texts else read_json(said.asked)
        line = {
            "timestamp": stamp(said.at),
            **said.facts,
            "request": self._bounded("request", redaction.value(asked), cut),
            "answer": self._bounded("answer", redaction.value(_answer(said)), cut),
            "answer_bytes": said.answered_bytes,
        }
        if cut:
            line["cut"] = cut
        line["redacted"] = dict(redaction.found)
        return contained(_encode(line)) + b"\n"

    def _bounded(self, name: str, value: Any, cut: list[str]) -> Any:  # noqa: ANN401 - JSON
        encoded = _encode(value)
        if len(encoded) <= self._max_bytes:
            return msgspec.Raw(encoded)
        cut.append(name)
        return encoded[: self._max_bytes].decode("utf-8", "ignore")


def _answer(said: Said) -> Any:  # noqa: ANN401 - any JSON value
    if not said.answered:
        return f"[{said.answered_bytes} bytes]" if said.answered_bytes else None
    raw = said.answered[0] if len(said.answered) == 1 else b"".join(said.answered)
    if said.events:
        joined = read_events(raw)
        if said.answered_bytes > len(raw):
            joined["cut_behind_bytes"] = len(raw)
        return joined
    if len(raw) < said.answered_bytes and len(raw) <= MAX_PARSED_BYTES:
        return raw.decode("utf-8", "replace")
    return read_json(raw)
