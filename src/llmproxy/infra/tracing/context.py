"""Who asked for a request: `traceparent` and `tracestate`, by W3C's Trace Context.

https://www.w3.org/TR/trace-context-2/ (Level 2, which also reads what Level 1 says). What is not
well formed is as if it were not there: the request begins a trace of its own.
"""

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from llmproxy.application.interfaces.trace import SAMPLED

RANDOM: Final = 0b10
"""Level 2: the lower 7 bytes of the trace id are random."""
MAX_STATE_BYTES: Final = 512
MAX_MEMBERS: Final = 32
LONG_MEMBER_BYTES: Final = 128
"""Members that are longer go first where there is too much."""

_parent = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?").fullmatch
_SIMPLE: Final = rb"[a-z][a-z0-9_\-*/]{0,255}"
_OF_A_TENANT: Final = rb"[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}"
_VALUE: Final = rb"[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
_member = re.compile(rb"(%b|%b)=%b" % (_SIMPLE, _OF_A_TENANT, _VALUE)).fullmatch


class Parent(NamedTuple):
    """The span that a request was sent from."""

    trace_id: int
    span_id: int
    flags: int


def parent_of(line: bytes) -> Parent | None:
    """Return what a `traceparent` says, None when it is not well formed.

    Of a later version only what version 00 knows is read, as the standard asks.
    """
    found = _parent(line.strip(b" \t"))
    if found is None:
        return None
    version, trace, span, flags, more = found.groups()
    if version == b"ff" or (version == b"00" and more is not None):
        return None
    parent = Parent(int(trace, 16), int(span, 16), int(flags, 16) & (SAMPLED | RANDOM))
    return parent if parent.trace_id and parent.span_id else None


def state_of(lines: Iterable[bytes]) -> bytes:
    """Return the `tracestate` that goes on, empty when there is none or it is not well formed."""
    members = [member for member in _members(lines) if member]
    keys = [found.group(1) for found in map(_member, members) if found is not None]
    whole = len(keys) == len(members) == len(set(keys)) and len(members) <= MAX_MEMBERS
    return _bounded(members) if whole else b""


def _members(lines: Iterable[bytes]) -> list[bytes]:
    return [member.strip(b" \t") for member in b",".join(lines).split(b",")]


def _bounded(members: list[bytes]) -> bytes:
    """Leave out whole members until the rest is not too long: long ones first, then the oldest."""
    state = b",".join(members)
    if len(state) > MAX_STATE_BYTES:
        members = [member for member in members if len(member) <= LONG_MEMBER_BYTES]
        while len(state := b",".join(members)) > MAX_STATE_BYTES:
            members.pop()
    return state
