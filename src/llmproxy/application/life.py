"""How far the life of this gateway has come."""

from collections.abc import Callable


class Life:
    """Written by what runs the server; read by health, and where a call is settled.

    `draining`: it is to end, and serves on; who sends it requests is to send them elsewhere.
    `ending`: the time for what was still running is over, and it is cut off here.
    `when_closed` are called once, when the port is closed: from then on nothing new is begun.
    """

    __slots__ = ("draining", "ending", "when_closed")

    def __init__(self) -> None:
        self.draining = False
        self.ending = False
        self.when_closed: list[Callable[[], None]] = []
