"""The faults of the matrix, and the fate of each: what is promised, not what was seen."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.api.matrix.fates import Fate, answered, broken, busy, own_fault, raised, refused, silent
from tests.simulators.faults import FaultKind as Kind

CONNECT_S, FIRST_TOKEN_S, IDLE_S, TOTAL_S = 1.0, 1.0, 0.6, 2.5
"""The limits of the server here."""

LOST = "upstream_connection_lost"
NO_TOKEN = "upstream_first_token_timeout"
IDLE = "upstream_idle_timeout"
TOTAL = "upstream_total_timeout"
FOUR = {"after_events": 4, "chunk_interval_ms": 10}
"""The role and three words arrive, one by one."""


@dataclass(frozen=True, slots=True)
class Row:
    """A fault. `plain` or `stream` is None where there is no such fault.

    `away` says what is in the place of the provider that cannot be reached; `patient` that the
    deployment has limits which do not matter.
    """

    name: str
    kind: Kind
    plain: Fate | None
    stream: Fate | None
    measures: Mapping[str, Any] = field(default_factory=dict)
    in_streams: Mapping[str, Any] | None = None
    """The measures in streams, where they are others."""
    away: str | None = None
    patient: bool = False

    def fate(self, *, stream: bool) -> Fate:
        """What comes of a plain or a streamed call. Raises ValueError where there is no such."""
        fate = self.stream if stream else self.plain
        if fate is None:
            raise ValueError(self.name)
        return fate

    def fault(self, *, stream: bool) -> dict[str, Any]:
        """The fault as a simulator plans it."""
        measures = self.measures if not stream or self.in_streams is None else self.in_streams
        return {"kind": self.kind, **measures}


def _status(status: int, fate: Fate, name: str = "", **measures: Any) -> Row:  # noqa: ANN401
    named = name or f"status {status}"
    return Row(named, Kind.STATUS, fate, fate, {"status": status, **measures})


def _everywhere(name: str, kind: Kind, fate: Fate, **measures: Any) -> Row:  # noqa: ANN401
    return Row(name, kind, fate, fate, measures)


NOT_THERE = (
    Row(
        "connection refused",
        Kind.TIMING,
        broken("upstream_unreachable"),
        broken("upstream_unreachable"),
        away="refused",
    ),
    Row(
        "DNS failure",
        Kind.TIMING,
        broken("upstream_dns_failed"),
        broken("upstream_dns_failed"),
        away="dns",
    ),
    Row(
        "TLS failure",
        Kind.TIMING,
        broken("upstream_tls_failed"),
        broken("upstream_tls_failed"),
        away="tls",
    ),
)
BROKEN_OFF = (
    _everywhere("reset before the headers", Kind.RESET_BEFORE_HEADERS, broken(LOST)),
    _everywhere("closed before the headers", Kind.CLOSE_BEFORE_HEADERS, broken(LOST)),
    _everywhere("reset after the headers", Kind.RESET_AFTER_HEADERS, broken(LOST)),
    _everywhere("closed after the headers", Kind.CLOSE_AFTER_HEADERS, broken(LOST)),
    Row("reset before the content", Kind.RESET_MID_STREAM, None, broken(LOST), {"after_events": 1}),
    Row("reset in the middle", Kind.RESET_MID_STREAM, broken(LOST), raised(LOST), {}, FOUR),
    Row("closed in the middle", Kind.CUT_MID_STREAM, broken(LOST), raised(LOST), {}, FOUR),
    Row("an error among the events", Kind.ERROR_FRAME, None, raised(), FOUR),
)
SILENT = (
    _everywhere(
        "silent before the headers", Kind.HANG_BEFORE_HEADERS, silent(NO_TOKEN, FIRST_TOKEN_S)
    ),
    _everywhere(
        "silent after the headers", Kind.HANG_AFTER_HEADERS, silent(NO_TOKEN, FIRST_TOKEN_S)
    ),
    Row(
        "silent before the content",
        Kind.HANG_MID_STREAM,
        None,
        silent(NO_TOKEN, FIRST_TOKEN_S),
        {"after_events": 1},
    ),
    Row(
        "comments instead of content",
        Kind.ENDLESS_COMMENTS,
        None,
        silent(NO_TOKEN, FIRST_TOKEN_S),
        {"after_events": 1, "chunk_interval_ms": 50},
    ),
    Row(
        "silent in the middle",
        Kind.HANG_MID_STREAM,
        silent(IDLE, IDLE_S),
        raised(IDLE, IDLE_S),
        {},
        FOUR,
    ),
    Row(
        "comments in the middle, nothing else",
        Kind.ENDLESS_COMMENTS,
        None,
        raised(IDLE, IDLE_S),
        {"after_events": 4, "chunk_interval_ms": 50},
    ),
)
SLOW = (
    Row(
        "slow drip",
        Kind.SLOW_DRIP,
        answered(),
        answered(),
        {"drip_bytes": 100, "chunk_interval_ms": 20},
        {"drip_bytes": 400, "chunk_interval_ms": 20},
    ),
    Row(
        "slow drip beyond all patience",
        Kind.SLOW_DRIP,
        silent(TOTAL, TOTAL_S),
        raised(TOTAL, TOTAL_S),
        {"drip_bytes": 7, "chunk_interval_ms": 100},
        {"drip_bytes": 70, "chunk_interval_ms": 50},
    ),
)
STATUSES = (
    _status(400, refused(400)),
    _status(401, own_fault("upstream_credentials")),
    _status(403, own_fault("upstream_credentials")),
    _status(404, own_fault("upstream_misconfigured")),
    _status(408, broken("upstream_timeout", 504)),
    _status(409, refused(409, should_retry=True)),
    _status(413, refused(413)),
    _status(422, refused(422)),
    _status(429, busy()),
    _status(429, busy(1), "status 429, retry-after: 1", headers={"retry-after": "1"}),
    _status(429, busy(30, tries=1), "status 429, retry-after: 30", headers={"retry-after": "30"}),
    _status(500, broken()),
    _status(502, broken()),
    _status(503, broken()),
    _status(504, broken("upstream_timeout", 504)),
    _status(529, broken()),
)
SENSELESS = (
    _everywhere("HTML with status 200", Kind.HTML, broken(), status=200),
    _everywhere("HTML with status 502", Kind.HTML, broken(), status=502),
    Row("truncated JSON", Kind.TRUNCATED_JSON, broken(), raised()),
    Row("content-length too long", Kind.WRONG_CONTENT_LENGTH, broken(LOST), answered()),
    Row("content-length too short", Kind.SHORT_CONTENT_LENGTH, broken(), raised()),
    _everywhere("gzip, though it was not asked for", Kind.GZIP, broken()),
    _everywhere("bytes that are not HTTP", Kind.GARBAGE, broken()),
    Row(
        "100 MB in one piece",
        Kind.HUGE,
        answered(),
        broken(),
        {"after_events": 1},
        patient=True,
    ),
    Row(
        "an answer without an end",
        Kind.ENDLESS,
        silent(TOTAL, TOTAL_S),
        raised(TOTAL, TOTAL_S),
        {"chunk_interval_ms": 5},
    ),
)
GROUPS = (
    ("The provider is not there", NOT_THERE),
    ("It breaks off", BROKEN_OFF),
    ("It falls silent", SILENT),
    ("It is slow", SLOW),
    ("It answers with a status", STATUSES),
    ("Its answer makes no sense", SENSELESS),
)
ROWS = tuple(row for _, rows in GROUPS for row in rows)


def slug(row: Row, *, stream: bool) -> str:
    """The code of the model with this fault."""
    words = "".join(letter if letter.isalnum() else " " for letter in row.name.lower()).split()
    return "-".join([*words, "stream" if stream else "plain"])
