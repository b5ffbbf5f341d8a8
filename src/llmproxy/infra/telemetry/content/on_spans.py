"""Contents on spans: kept when a request ends, read and redacted when its span is made.

The names of the attributes are those of OpenTelemetry's conventions for generative AI
(https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md).
"""

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from llmproxy.domain.operation import Endpoint
from llmproxy.infra.telemetry.content.conversation import answer_of, instructions_of, question_of
from llmproxy.infra.telemetry.content.fitting import fitted
from llmproxy.infra.telemetry.content.joining import joined
from llmproxy.infra.telemetry.content.log import EVENTS, Recorded
from llmproxy.infra.telemetry.content.reading import MAX_PARSED_BYTES, read_json
from llmproxy.infra.telemetry.content.redaction import Redaction

logger = logging.getLogger("llmproxy.content")

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
OVERHEAD_BYTES: Final = 1024
PIECE_BYTES: Final = 48
"""What a piece of an answer takes beside its bytes."""
TOLD: Final = frozenset((Endpoint.CHAT_COMPLETIONS, Endpoint.COMPLETIONS, Endpoint.RESPONSES))
INSTRUCTIONS: Final = "gen_ai.system_instructions"
ASKED: Final = "gen_ai.input.messages"
ANSWERED: Final = "gen_ai.output.messages"
TRUNCATED: Final = "llmproxy.content.truncated"
WORDS: Final = frozenset(
    (
        *("role", "parts", "name", "finish_reason", "type", "content", "id", "arguments"),
        *("response", "modality", "mime_type", "uri", "file_id", "server_tool_call"),
        *("system", "user", "assistant", "tool", "text", "reasoning", "tool_call"),
        *("tool_call_response", "blob", "file", "image", "document", "audio", "stop", "length"),
        *("developer", "refusal", "tokens", "count", "error", "content_filter"),
    )
)
"""Of the conventions: nothing is looked for in a text that is one of them."""


class _Kept(NamedTuple):
    """What was asked and answered; `cut` when that is not all of it."""

    asked: bytes
    answered: list[bytes]
    events: bool
    cut: bool
    size: int


class SpanContents:
    """`keep` is called by the event loop, all else by one other thread.

    At most 64 MiB wait. `projects` are those whose contents are told, all when there are none;
    `max_bytes` is the most of one attribute.
    """

    def __init__(
        self, redaction: Redaction, *, projects: frozenset[str] = frozenset(), max_bytes: int
    ) -> None:
        self._redaction = redaction
        self._projects = projects
        self._max_bytes = max_bytes
        self._kept: dict[int, _Kept] = {}
        self._kept_bytes = self._taken_bytes = 0
        self._dropped = self._broken = 0

    def keep(self, span_id: int, visit: Recorded) -> None:
        """Keep the contents of a request that has ended, unless they are none to be told.

        Of a question or an answer of more than 1 MiB nothing is kept but that it was cut.
        """
        call, caller = visit.call, visit.caller
        if call is None or caller is None or call.endpoint not in TOLD:
            return
        if self._projects and caller.project not in self._projects:
            return
        asked, answered = visit.asked, visit.answered
        size = sum(map(len, answered))
        cut = size < visit.answered_bytes
        if len(asked) > MAX_PARSED_BYTES:
            asked, cut = b"", True
        if size > MAX_PARSED_BYTES:
            answered, size, cut = [], 0, True
        size += OVERHEAD_BYTES + len(asked) + PIECE_BYTES * len(answered)
        if self._kept_bytes - self._taken_bytes + size > MAX_WAITING_BYTES:
            self._dropped += 1
            # A mark without contents; the tracer's bound holds for their number.
            self._kept[span_id] = _Kept(b"", [], events=False, cut=True, size=0)
            return
        self._kept[span_id] = _Kept(asked, answered, EVENTS in visit.head.lower(), cut, size)
        self._kept_bytes += size

    def forget(self, span_id: int) -> None:
        """Let go of the contents of a request that is not told."""
        self._take(span_id)

    def attributes(self, span_id: int) -> Mapping[str, str | bool]:
        """Return what the span of a request says of its contents; nothing if none are to be told.

        What cannot be read is counted, and its span says only that something is missing.
        """
        kept = self._take(span_id)
        if kept is None:
            return {}
        try:
            return self._told(kept)
        except Exception as error:  # noqa: BLE001 - one strange body must not cost its span
            if not self._broken:
                logger.warning("contents cannot be told on spans: %s", type(error).__name__)
            self._broken += 1
            return {TRUNCATED: True}

    def counts(self) -> Mapping[str, float]:
        """Return the bytes that wait, and whose contents found no room or could not be read."""
        return {
            "contents_waiting_bytes": self._kept_bytes - self._taken_bytes,
            "contents_dropped": self._dropped,
            "contents_broken": self._broken,
        }

    def _take(self, span_id: int) -> _Kept | None:
        kept = self._kept.pop(span_id, None)
        if kept is not None:
            self._taken_bytes += kept.size
        return kept

    def _told(self, kept: _Kept) -> dict[str, str | bool]:
        asked = _object(read_json(kept.asked))
        raw = b"".join(kept.answered)
        answered = joined(raw) if kept.events else _object(read_json(raw))
        said = {
            INSTRUCTIONS: instructions_of(asked),
            ASKED: question_of(asked),
            ANSWERED: answer_of(answered),
        }
        attributes: dict[str, str | bool] = {}
        cut = kept.cut
        for name, value in said.items():
            if value:
                redacted = self._redaction.value(value)
                attributes[name], shorter = fitted(redacted, self._max_bytes)
                cut = cut or shorter
        self._redaction.found.clear()
        if cut:
            attributes[TRUNCATED] = True
        return attributes


def _object(value: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, dict) else {}
