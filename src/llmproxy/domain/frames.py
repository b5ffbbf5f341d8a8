"""Letting go of what an error holds.

A traceback holds the frames that the error went through, each with all that it worked on. Where one
of these holds the error again (as the reason why an exchange has ended, or simply as an argument),
nothing of it is freed before the garbage collector's next whole round: the call, its bodies and its
connections. Under a burst of failures that is most of what the process holds.
"""


def forget_frames(error: BaseException) -> None:
    """Take the tracebacks from an error that is kept or was told, and from those it came from.

    Neither does any remember what was being handled when it was raised: an error that is raised
    again later would stand in its own past. What it says it came from, its cause, stays, unless
    that is itself: `raise renamed(error) from error`, where `renamed` had nothing to change.
    """
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        left += (each.__cause__, each.__context__)
        each.__traceback__ = each.__context__ = None
        if each.__cause__ is each:
            each.__cause__ = None
