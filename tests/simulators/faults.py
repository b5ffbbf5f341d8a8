"""What can go wrong with an answer, and the plan that says to which request it happens.

A test plans faults (`Simulator.fail_next`, `POST /_simulator/faults`), or names one as the model:
`fault-hang-mid-stream`, `fault-status-503`. The gateway never chooses.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from tests.simulators.answer import Headers
from tests.simulators.http import Request

NAME_PREFIX = "fault-"


class FaultKind(StrEnum):
    """Every fault. Those `mid_stream` also break a plain answer, in the middle of its body."""

    TIMING = "timing"  # only delay_ms and chunk_interval_ms
    RESET_BEFORE_HEADERS = "reset_before_headers"
    CLOSE_BEFORE_HEADERS = "close_before_headers"
    HANG_BEFORE_HEADERS = "hang_before_headers"
    RESET_AFTER_HEADERS = "reset_after_headers"
    CLOSE_AFTER_HEADERS = "close_after_headers"
    HANG_AFTER_HEADERS = "hang_after_headers"
    RESET_MID_STREAM = "reset_mid_stream"
    CUT_MID_STREAM = "cut_mid_stream"  # FIN without the closing chunk
    HANG_MID_STREAM = "hang_mid_stream"
    CLOSE_FRAME = "close_frame"  # of a session, with `status` as its code and `reason`
    SLOW_DRIP = "slow_drip"  # drip_bytes at a time
    NO_DONE = "no_done"  # a clean end without [DONE]
    ERROR_FRAME = "error_frame"  # after after_events, then a clean end
    GARBAGE_EVENT = "garbage_event"  # one event is half of its JSON
    SSE_COMMENTS = "sse_comments"  # `: ping` before every event
    SSE_CRLF = "sse_crlf"
    STATUS = "status"  # any status; the vendor's own error body unless `body` is given
    HTML = "html"
    NULL = "null"
    EMPTY_BODY = "empty_body"
    TRUNCATED_JSON = "truncated_json"  # half of it, with an honest length
    WRONG_CONTENT_LENGTH = "wrong_content_length"  # promises 100 bytes more, then closes
    SHORT_CONTENT_LENGTH = "short_content_length"  # promises half of what comes, then closes
    HUGE = "huge"  # an honest answer, a text of huge_bytes in one piece of it
    ENDLESS = "endless"  # one event (or spaces in a plain body) again and again, without an end
    ENDLESS_COMMENTS = "endless_comments"  # `: ping` instead, again and again
    GZIP = "gzip"
    CHUNKED = "chunked"  # a plain body in chunks
    BAD_CHUNKING = "bad_chunking"  # a chunk size that is no number
    GARBAGE = "garbage"  # bytes that are not HTTP
    STALE_KEEP_ALIVE = "stale_keep_alive"  # closes after the answer without having said so


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault with its measures."""

    kind: FaultKind = FaultKind.TIMING
    status: int | None = None
    headers: Headers = ()
    body: bytes | None = None
    reason: str = ""
    after_events: int = (
        2  # events (or halves of a plain body) that still arrive before a mid-stream fault
    )
    delay_ms: float = 0.0  # before the first byte
    chunk_interval_ms: float = 0.0  # between events, or between drips
    drip_bytes: int = 7
    huge_bytes: int = 100_000_000
    close_after_ms: float = 0.0  # stale_keep_alive: how long the connection stays pooled


@dataclass(slots=True)
class FaultRule:
    """A fault for the requests that match: by model or deployment, by the path's end, by text in
    the body.
    """

    fault: Fault
    times: int | None = 1  # None: always
    model: str | None = None
    path: str | None = None
    contains: str | None = None

    def matches(self, request: Request, model: str | None) -> bool:
        """Whether this request is meant."""
        return (
            (self.model is None or self.model == model)
            and (self.path is None or request.path.endswith(self.path))
            and (self.contains is None or self.contains.encode() in request.body)
        )


class FaultPlan:
    """The rules in their order; each is used up after its `times`."""

    def __init__(self) -> None:
        self.rules: list[FaultRule] = []

    def take(self, request: Request, model: str | None) -> Fault | None:
        """The fault of this request, if one is planned or its model names one."""
        for rule in self.rules:
            if rule.matches(request, model):
                if rule.times is not None:
                    rule.times -= 1
                    self.rules = [kept for kept in self.rules if kept.times != 0]
                return rule.fault
        return fault_named(model)


def fault_named(model: str | None) -> Fault | None:
    """The fault that a model name stands for: `fault-no-done`, `fault-status-429`."""
    if model is None or not model.startswith(NAME_PREFIX):
        return None
    name = model.removeprefix(NAME_PREFIX).replace("-", "_")
    kind, _, number = name.rpartition("_")
    if kind == FaultKind.STATUS and number.isdecimal():
        return Fault(kind=FaultKind.STATUS, status=int(number))
    return Fault(kind=FaultKind(name)) if name in set(FaultKind) else None


def rule_from_json(value: Mapping[str, Any]) -> FaultRule:
    """A rule as the control endpoint takes it.

    `{"fault": kind, "times": 1 | null, "match": {"model", "path", "contains"}, …the fields of
    Fault}`; headers are an object or a list of pairs, `body` is text, or use `body_base64`. Raises
    ValueError for anything it does not know.
    """
    rest = dict(value)
    match = dict(rest.pop("match", {}))
    rule = FaultRule(_fault_from_json(rest), rest.pop("times", 1))
    rule.model, rule.path, rule.contains = (
        match.pop(key, None) for key in ("model", "path", "contains")
    )
    if match or rest:
        raise ValueError(f"unknown keys: {', '.join([*match, *rest])}")
    return rule


def _fault_from_json(rest: dict[str, Any]) -> Fault:
    """Takes the fault's own keys out of `rest`."""
    given: dict[str, Any] = {"kind": FaultKind(rest.pop("fault", FaultKind.TIMING))}
    if "body_base64" in rest:
        given["body"] = base64.b64decode(rest.pop("body_base64"))
    for name in (field.name for field in fields(Fault)):
        if name in rest:
            given[name] = rest.pop(name)
    return Fault(**given | _converted(given))


def _converted(given: Mapping[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    if isinstance(given.get("body"), str):
        changed["body"] = given["body"].encode()
    if "headers" in given:
        changed["headers"] = headers_from(given["headers"])
    return changed


def headers_from(value: Mapping[str, str] | Sequence[Sequence[str]]) -> Headers:
    """Headers from an object or from a list of pairs."""
    pairs = value.items() if isinstance(value, Mapping) else value
    return tuple((str(name), str(text)) for name, text in pairs)
