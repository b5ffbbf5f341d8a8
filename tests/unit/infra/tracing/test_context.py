"""W3C's Trace Context, read strictly: what is not well formed is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.tracing.context import MAX_STATE_BYTES, Parent, parent_of, state_of

TRACE, SPAN = b"0af7651916cd43dd8448eb211c80319c", b"b7ad6b7169203331"
GOOD = b"00-%b-%b-01" % (TRACE, SPAN)

MANY = b",".join(b"k%d=1" % number for number in range(33))


def test_a_parent() -> None:
    """All four parts, the ids as numbers."""
    assert parent_of(GOOD) == Parent(int(TRACE, 16), int(SPAN, 16), 1)


@pytest.mark.parametrize(
    ("flags", "kept"), [(b"00", 0), (b"01", 1), (b"02", 2), (b"03", 3), (b"ff", 3), (b"08", 0)]
)
def test_flags(flags: bytes, kept: int) -> None:
    """Those of Level 2 are kept; what later levels may say is not passed on."""
    parent = parent_of(b"00-%b-%b-%b" % (TRACE, SPAN, flags))
    assert parent is not None
    assert parent.flags == kept


def test_a_later_version() -> None:
    """It may say more, and is read as far as it is known."""
    assert parent_of(b"01" + GOOD[2:] + b"-what-the-future-brings") == parent_of(GOOD)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"ff" + GOOD[2:],
        GOOD + b"-more",
        GOOD + b"x",
        b"01" + GOOD[2:] + b".more",
        GOOD.upper(),
        GOOD[:-1],
        b"00-%b-%b-01" % (b"0" * 32, SPAN),
        b"00-%b-%b-01" % (TRACE, b"0" * 16),
        b"00-%b-%b-0g" % (TRACE, SPAN),
        b"0-%b-%b-01" % (TRACE, SPAN),
        b"00_%b_%b_01" % (TRACE, SPAN),
        b"00-%b-%b" % (TRACE, SPAN),
        GOOD + b"\n",
    ],
)
def test_what_is_no_parent(line: bytes) -> None:
    """It is as if it were not there."""
    assert parent_of(line) is None


@given(st.binary(max_size=80))
def test_any_bytes(line: bytes) -> None:
    """Nothing that is sent raises."""
    parent = parent_of(line)
    assert parent is None or (parent.trace_id and parent.span_id)
    state_of([line])


def test_a_state_of_several_lines() -> None:
    """They are one list."""
    assert state_of([b"a=1, b=2 ", b"t@v=x y"]) == b"a=1,b=2,t@v=x y"
    assert state_of([b"a=1,,b=2,"]) == b"a=1,b=2"
    assert state_of([]) == b""


@pytest.mark.parametrize(
    "line",
    [b"a", b"A=1", b"a=1,a=2", b"a=b=c", b"a=", b"=1", b"a=\x7f", MANY],
)
def test_what_is_no_state(line: bytes) -> None:
    """All of it is left out, never a part."""
    assert state_of([line]) == b""


def test_a_long_state() -> None:
    """Whole members are left out: long ones first, then the oldest, which stand last."""
    long = b"long=" + b"x" * 200
    members = [b"k%d=%b" % (number, b"v" * 40) for number in range(11)]
    kept = state_of([b",".join([long, *members])])
    assert kept == b",".join(members)
    assert len(kept) <= MAX_STATE_BYTES
    many = [b"k%d=%b" % (number, b"v" * 40) for number in range(30)]
    assert state_of([b",".join(many)]) == b",".join(many[:11])
