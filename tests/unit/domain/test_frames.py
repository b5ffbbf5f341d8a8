"""Errors that are kept hold nothing of what they went through."""

import gc
import weakref
from collections.abc import Iterator

import pytest

from llmproxy.domain.frames import forget_frames


class _Call:
    """What a frame works on. It keeps the error that ended it."""

    error: BaseException | None = None


@pytest.fixture(name="no_rounds", autouse=True)
def _no_rounds() -> Iterator[None]:
    gc.disable()
    yield
    gc.enable()


def _fail(call: _Call) -> None:
    try:
        raise ConnectionError("reset")
    except ConnectionError as cause:
        call.error = cause
        try:
            raise LookupError("nobody left") from cause
        except LookupError as error:
            raise ValueError("told") from error


def _left(*, forgotten: bool) -> weakref.ref[_Call]:
    call = _Call()
    try:
        _fail(call)
    except ValueError as error:
        if forgotten:
            forget_frames(error)
    return weakref.ref(call)


def test_a_call_that_keeps_its_error_is_freed_at_once() -> None:
    """Without it only the garbage collector frees the call."""
    assert _left(forgotten=True)() is None
    assert _left(forgotten=False)() is not None


def test_what_an_error_came_from() -> None:
    """The cause is kept, what was being handled is not, and a circle among errors ends."""
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__cause__ = second, first
    forget_frames(first)
    assert (first.__context__, second.__cause__) == (None, first)


def test_an_error_that_came_from_itself() -> None:
    """It is no longer its own cause, which would hold it."""
    error = ValueError("renamed")
    error.__cause__ = error
    forget_frames(error)
    assert error.__cause__ is None
