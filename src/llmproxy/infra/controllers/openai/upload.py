"""An uploaded form as it goes to a provider: the very bytes received, but for the model's name."""

from bisect import bisect_right
from collections.abc import Sequence

from typing_extensions import override

from llmproxy.application.interfaces.call import Outgoing, Upload, UploadedPart
from llmproxy.infra.controllers.spool import Spool
from llmproxy.infra.wire.multipart import Form

Stretch = tuple[int, int] | bytes


class SpooledForm(Upload):
    """A form and the spool that holds its bytes."""

    def __init__(self, form: Form, spool: Spool, content_type: bytes) -> None:
        self._form = form
        self._spool = spool
        self._content_type = content_type

    @override
    def naming(self, model: str) -> Outgoing:
        name = model.encode("utf-8")
        form = self._form
        part = form.text_part("model")
        if part is None:
            changes = [(form.end_at, form.end_at, _model_part(form.boundary, name))]
        elif form.texts["model"] == model:
            changes = []
        else:
            changes = [(part.start, part.end, name)]
            if part.length_at is not None:
                changes.insert(0, (*part.length_at, b"%d" % len(name)))
        return _Renamed(self._spool, _stretches(changes, self._spool.size), self._content_type)

    @override
    def parts(self) -> Sequence[UploadedPart]:
        return [
            UploadedPart(part.name, part.is_file, part.start, part.end - part.start)
            for part in self._form.parts
        ]

    @override
    async def read(self, part: UploadedPart) -> bytes:
        at, end = part.start, part.start + part.size
        pieces: list[bytes | memoryview] = []
        while at < end:
            piece = await self._spool.read(at, end)
            pieces.append(piece)
            at += len(piece)
        return b"".join(pieces)


def _model_part(boundary: bytes, name: bytes) -> bytes:
    """Return a part to put before the closing boundary of a form that names no model."""
    head = b'Content-Disposition: form-data; name="model"'
    return b"--%b\r\n%b\r\n\r\n%b\r\n" % (boundary, head, name)


def _stretches(changes: list[tuple[int, int, bytes]], size: int) -> list[Stretch]:
    stretches: list[Stretch] = []
    at = 0
    for start, end, new in changes:
        stretches += [(at, start), new]
        at = end
    return [*stretches, (at, size)]


class _Renamed(Outgoing):
    """Stretches of the spool with new texts between them."""

    def __init__(self, spool: Spool, stretches: list[Stretch], content_type: bytes) -> None:
        self._spool = spool
        self._stretches = [each for each in stretches if _length(each)]
        self._starts: list[int] = []
        self.content_type = content_type
        self.size = 0
        for each in self._stretches:
            self._starts.append(self.size)
            self.size += _length(each)

    @override
    def pieces(self) -> list[bytes | memoryview] | None:
        if not self._spool.in_memory:
            return None
        found: list[bytes | memoryview] = []
        for each in self._stretches:
            found += [each] if isinstance(each, bytes) else self._spool.cut(*each)
        return found

    @override
    async def read(self, at: int) -> bytes | memoryview:
        number = bisect_right(self._starts, at) - 1
        each = self._stretches[number]
        inside = at - self._starts[number]
        if isinstance(each, bytes):
            return each[inside:]
        return await self._spool.read(each[0] + inside, each[1])


def _length(stretch: Stretch) -> int:
    return len(stretch) if isinstance(stretch, bytes) else stretch[1] - stretch[0]
