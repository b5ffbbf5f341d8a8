"""Spools keep uploads in memory or in files without names, and give everything back."""

import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmproxy.domain.errors import Unavailable
from llmproxy.infra.controllers.openai.upload import SpooledForm
from llmproxy.infra.controllers.spool import MEMORY_BYTES, PIECE_BYTES, Spool, Spools
from llmproxy.infra.wire.multipart import FormReader

CHUNK = bytes(range(256)) * 300
PLENTY = 1 << 40


@pytest.fixture(autouse=True, name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    """Where files without names are made."""
    yield tmp_path
    assert list(tmp_path.iterdir()) == []


def open_files() -> int:
    """How many files this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


async def filled(size: int, spools: Spools, declared: int | None = None) -> tuple[Spool, bytes]:
    """A spool with so many bytes, and the bytes."""
    data = (CHUNK * (size // len(CHUNK) + 1))[:size]
    spool = spools.spool(declared)
    for at in range(0, size, len(CHUNK)):
        await spool.write(data[at : at + len(CHUNK)])
    await spool.finish()
    return spool, data


async def read(spool: Spool, start: int, end: int) -> bytes:
    """A stretch, piece by piece."""
    data = b""
    while start + len(data) < end:
        data += await spool.read(start + len(data), end)
    return data


@pytest.mark.asyncio
@pytest.mark.parametrize(
    ("size", "declared", "in_memory"),
    [
        (0, None, True),
        (1000, 1000, True),
        (MEMORY_BYTES, MEMORY_BYTES, True),
        (MEMORY_BYTES + 1, MEMORY_BYTES + 1, False),
        (3 * MEMORY_BYTES + 17, None, False),
    ],
)
async def test_where_bytes_are_kept(
    folder: Path, size: int, declared: int | None, *, in_memory: bool
) -> None:
    """Small bodies stay in memory, large ones go to a file; both give the same bytes again."""
    spools = Spools(max_bytes=PLENTY, folder=folder)
    spool, data = await filled(size, spools, declared)

    assert spool.in_memory is in_memory
    assert spools.used_bytes == (0 if in_memory else size)
    for start, end in ((0, size), (size // 3, size // 2), (size - 1, size)):
        if 0 <= start < end:
            assert await read(spool, start, end) == data[start:end]
    spool.close()
    assert spools.used_bytes == 0


@pytest.mark.asyncio
async def test_pieces_are_bounded() -> None:
    """No piece of a file is larger than a piece."""
    spool, _ = await filled(3 * MEMORY_BYTES, Spools(max_bytes=PLENTY))

    assert len(await spool.read(0, 3 * MEMORY_BYTES)) == PIECE_BYTES
    spool.close()


@pytest.mark.asyncio
async def test_no_room() -> None:
    """What all files hold together is bounded; a spool that is closed makes room."""
    spools = Spools(max_bytes=3 * MEMORY_BYTES)
    first, _ = await filled(2 * MEMORY_BYTES, spools)
    with pytest.raises(Unavailable):
        await filled(2 * MEMORY_BYTES, spools)
    assert spools.used_bytes <= 3 * MEMORY_BYTES
    first.close()


@pytest.mark.asyncio
async def test_a_disk_that_fails(folder: Path) -> None:
    """Without a place for the file the gateway says that it cannot serve now."""
    spools = Spools(max_bytes=PLENTY, folder=folder / "no-such-folder")
    with pytest.raises(Unavailable):
        await filled(2 * MEMORY_BYTES, spools)


@pytest.mark.asyncio
async def test_closing_while_a_thread_works() -> None:
    """A reader that is cancelled and closed leaves no file open, and never reads another's."""
    before = open_files()
    spool, _ = await filled(2 * MEMORY_BYTES, Spools(max_bytes=PLENTY))
    reading = asyncio.create_task(_reads(spool))
    await asyncio.sleep(0)
    reading.cancel()
    spool.close()
    await asyncio.gather(reading, return_exceptions=True)
    await asyncio.to_thread(gc.collect)

    assert open_files() <= before


async def _reads(spool: Spool) -> None:
    await spool.read(0, MEMORY_BYTES)


PART = b'--b\r\ncontent-disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'


def form_bytes(*, length: bool, model: bool, size: int) -> bytes:
    """A form with a file of this size, then perhaps a model."""
    data = PART % (b"file", b'; filename="a"', b"x" * size)
    if model:
        data += PART % (b"model", b"\r\nContent-Length: 3" if length else b"", b"old")
    return data + b"--b--\r\n"


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [10, 2 * MEMORY_BYTES])
@pytest.mark.parametrize("name", ["old", "a-much-longer-näme"])
@pytest.mark.parametrize(("length", "model"), [(False, True), (True, True), (False, False)])
async def test_naming_the_model(size: int, name: str, *, length: bool, model: bool) -> None:
    """Only the model's name differs; a form without one gets it; all can be read from anywhere."""
    data = form_bytes(length=length, model=model, size=size)
    reader = FormReader(b"b", {"model"})
    spool = Spools(max_bytes=PLENTY).spool(None)
    for at in range(0, len(data), 100_000):
        reader.feed(data[at : at + 100_000])
        await spool.write(data[at : at + 100_000])
    await spool.finish()
    outgoing = SpooledForm(reader.form, spool, b"multipart/form-data; boundary=b").naming(name)
    expected = data
    encoded = name.encode()
    if model:
        expected = data.replace(b"\r\n\r\nold\r\n", b"\r\n\r\n" + encoded + b"\r\n")
        expected = expected.replace(b"Length: 3", b"Length: %d" % len(encoded))
    else:
        added = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\n%b\r\n' % encoded
        expected = data[: -len(b"--b--\r\n")] + added + b"--b--\r\n"

    assert outgoing.size == len(expected)
    for start in (0, len(expected) - 30):
        got = b""
        while start + len(got) < outgoing.size:
            got += await outgoing.read(start + len(got))
        assert got == expected[start:]
    pieces = outgoing.pieces()
    assert (pieces is None) is (size > MEMORY_BYTES)
    if pieces is not None:
        assert b"".join(pieces) == expected
    spool.close()


@pytest.mark.asyncio
@pytest.mark.parametrize("size", [0, 10, 3 * MEMORY_BYTES + 17])
async def test_parts_of_a_form(size: int) -> None:
    """Each part can be read by itself, from memory or from the file, whatever its size."""
    value = (CHUNK * (size // len(CHUNK) + 1))[:size]
    data = PART % (b"file", b'; filename="a"', value) + PART % (b"model", b"", b"old") + b"--b--"
    reader = FormReader(b"b", {"model"})
    spool = Spools(max_bytes=PLENTY).spool(None)
    for at in range(0, len(data), 100_000):
        reader.feed(data[at : at + 100_000])
        await spool.write(data[at : at + 100_000])
    await spool.finish()
    upload = SpooledForm(reader.form, spool, b"multipart/form-data; boundary=b")

    file, model = upload.parts()
    assert (file.name, file.is_file, file.size) == ("file", True, size)
    assert (model.name, model.is_file, model.size) == ("model", False, 3)
    assert await upload.read(file) == value
    assert await upload.read(model) == b"old"
    spool.close()
