"""The thread that writes lines: what breaks off is told by the line, and glues nothing together."""

import fcntl
import os
import termios
import time
from pathlib import Path

from typing_extensions import override

from llmproxy.infra.telemetry.pen import File, Pen

PIPE_BYTES = 65_536
LINES = [b'{"n":%06d}\n' % number for number in range(20_000)]
SIZE = len(LINES[0])


class Place(File):
    """A file that may become another."""

    def __init__(self, number: int) -> None:
        self.number = number

    @override
    def fileno(self) -> int:
        return self.number


def held(pipe: int) -> int:
    """How many bytes wait in it."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, b"\0" * 4), "little")


def until_full(pipe: int) -> None:
    """Wait until nothing fits any more."""
    until = time.monotonic() + 20
    while held(pipe) < PIPE_BYTES:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_batch_that_breaks_off(tmp_path: Path) -> None:
    """Its whole lines are no lost ones, and the next line begins on its own."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    place = Place(writing)
    pen = Pen(place)
    pen.write(LINES)
    until_full(reading)
    os.close(reading)
    assert pen.wait(20)
    assert PIPE_BYTES % SIZE
    assert pen.lost == len(LINES) - PIPE_BYTES // SIZE

    pen.write([b"nobody\n", b"reads\n"])
    assert pen.wait(20)
    assert pen.lost == len(LINES) - PIPE_BYTES // SIZE + 2
    os.close(writing)
    with (tmp_path / "out").open("wb") as out:
        place.number = out.fileno()
        for line in (b"next\n", b"and so on\n"):
            pen.write([line])
            assert pen.wait(20)
    assert (tmp_path / "out").read_bytes() == b"\nnext\nand so on\n"


def test_a_pipe_that_does_not_wait() -> None:
    """Whoever shares stdout may have made it so: there is room again as soon as it is read."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    pen = Pen(Place(writing))
    pen.write(LINES)
    until_full(reading)
    assert not pen.wait(0.3)
    read = bytearray()
    with open(reading, "rb", buffering=0) as reader:  # noqa: PTH123 - a descriptor
        while len(read) < len(LINES) * SIZE:
            read += reader.read(PIPE_BYTES)
        assert pen.wait(20)
    os.close(writing)
    assert bytes(read) == b"".join(LINES)
    assert pen.lost == 0
