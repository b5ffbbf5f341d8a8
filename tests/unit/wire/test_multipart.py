"""Forms are indexed as they arrive, and what could be read in two ways is refused."""

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.infra.wire.multipart import (
    MAX_HEAD_BYTES,
    MAX_PARTS,
    MAX_TEXT_BYTES,
    Form,
    FormReader,
    Malformed,
    boundary_of,
)

BOUNDARY = b"b0undary"
WANTED = frozenset(("model", "prompt"))


class Sent(NamedTuple):
    """A part as a client writes it."""

    head: bytes
    value: bytes

    @property
    def wire(self) -> bytes:
        """Its bytes behind the boundary."""
        return b"\r\n" + self.head + b"\r\n\r\n" + self.value + b"\r\n--" + BOUNDARY


def text(name: str, value: bytes) -> Sent:
    """A text."""
    return Sent(f'Content-Disposition: form-data; name="{name}"'.encode(), value)


def file(value: bytes, name: str = "file") -> Sent:
    """A file."""
    head = f'Content-Disposition: form-data; name="{name}"; filename="a.wav"\r\nContent-Type: a/b'
    return Sent(head.encode(), value)


def body(*parts: Sent, end: bytes = b"--\r\n") -> bytes:
    """A whole form."""
    return b"--" + BOUNDARY + b"".join(part.wire for part in parts) + end


def read(data: bytes, step: int | None = None) -> Form:
    """Feed it in pieces of this size."""
    reader = FormReader(BOUNDARY, WANTED)
    size = step or max(len(data), 1)
    for at in range(0, len(data), size):
        reader.feed(data[at : at + size])
    return reader.form


WHOLE = body(
    file(b"RIFF\r\n--b0undar\r\n\r\n-- \x00\xff"),
    text("model", "mödel".encode()),
    text("empty", b""),
    file(b"", "image[]"),
)


@pytest.mark.parametrize("step", [*range(1, 80), len(WHOLE)])
def test_pieces_of_any_size(step: int) -> None:
    """However the bytes arrive, the index is the same and leads to the values."""
    form = read(WHOLE, step)

    assert [(part.name, part.is_file) for part in form.parts] == [
        ("file", True),
        ("model", False),
        ("empty", False),
        ("image[]", True),
    ]
    assert [WHOLE[part.start : part.end] for part in form.parts] == [
        b"RIFF\r\n--b0undar\r\n\r\n-- \x00\xff",
        "mödel".encode(),
        b"",
        b"",
    ]
    assert form.texts == {"model": "mödel"}
    assert WHOLE[form.end_at :] == b"--b0undary--\r\n"
    assert form.opening == b"RIFF\r\n--b0undar\r\n\r\n-- \x00\xff"


@given(
    st.lists(st.binary(max_size=40).map(lambda b: b.replace(BOUNDARY, b"")), max_size=6),
    st.integers(1, 50),
)
def test_any_values(values: list[bytes], step: int) -> None:
    """Every value without the boundary comes back."""
    data = body(*(file(value, f"f{number}") for number, value in enumerate(values)))
    form = read(data, step)

    assert [data[part.start : part.end] for part in form.parts] == values


@given(st.binary(max_size=60), st.integers(1, 20))
def test_any_bytes(data: bytes, step: int) -> None:
    """Bytes that are no form are refused and nothing else happens."""
    with pytest.raises(Malformed):
        read(b"--" + BOUNDARY + data.replace(b"--", b""), step)


@pytest.mark.parametrize("cut", range(1, len(WHOLE) - 2))
def test_what_is_cut(cut: int) -> None:
    """A form whose end is missing is none; only the last line end may be."""
    with pytest.raises(Malformed):
        _ = read(WHOLE[:cut])


def test_what_may_be_left_out_or_put_before() -> None:
    """The last line end, and an empty line before the first boundary (RFC 2046 §5.1.1)."""
    assert read(WHOLE[:-2]).texts == read(WHOLE).texts
    shifted = read(b"\r\n" + WHOLE)
    assert shifted.parts[0].start == read(WHOLE).parts[0].start + 2
    assert read(body()).parts == []


def test_the_length_of_a_part() -> None:
    """Where a part says its length is known, since it changes with the model's name."""
    head = b'content-disposition: form-data; name="model"\r\nContent-Length:  5 '
    data = body(Sent(head, b"model"))
    [part] = read(data).parts

    assert part.length_at is not None
    assert data[slice(*part.length_at)] == b"5"


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="model"; filename="C:\\\\dir\\"x\\".wav"',
        b"content-disposition:form-data;name=file;filename=a.wav",
        b"Content-Disposition: FORM-DATA; NAME=\"a\"; filename*=UTF-8''%C3%A4.wav",
        'Content-Disposition: form-data; name="grün"; filename="ä.wav"'.encode(),
        b'Content-Transfer-Encoding: binary\r\nContent-Disposition: form-data; name="a"',
    ],
)
def test_heads_that_are_read(head: bytes) -> None:
    """Quoted or not, in any case, with the names that browsers and SDKs give files."""
    named = head.replace(b'name="model"', b'name="other"')
    assert len(read(body(Sent(named, b"x"))).parts) == 1


NAMED = b'Content-Disposition: form-data; name="a"'


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"Content-Type: a/b",
        b"Content-Disposition: form-data",
        b'Content-Disposition: attachment; name="a"',
        b'Content-Disposition: form-data; filename="a"',
        b'Content-Disposition: form-data; name="a"; name="b"',
        b'Content-Disposition: form-data; name="a"; NAME="b"',
        b"Content-Disposition: form-data; name=\"a\"; name*=UTF-8''b",
        b'Content-Disposition: form-data; name="mo\\del"',
        b'Content-Disposition: form-data; name="a" junk',
        b'Content-Disposition: form-data; name="\xff"',
        b'Content-Disposition: form-data; name="a',
        NAMED + b"\r\n" + NAMED,
        NAMED + b"\r\n folded: no",
        NAMED + b"\nX: y",
        NAMED + b"\r\nX : y",
        NAMED + b"\r\nX: \0",
        NAMED + b"\r\nContent-Transfer-Encoding: base64",
        NAMED + b"\r\nX: " + b"x" * MAX_HEAD_BYTES,
    ],
)
def test_heads_that_are_refused(head: bytes) -> None:
    """What is missing, doubled, escaped, folded, encoded or too long."""
    for step in (7, None):
        with pytest.raises(Malformed):
            read(body(Sent(head, b"x")), step)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r",
        b"hello",
        b"preamble\r\n" + WHOLE,
        WHOLE + b"\r\n",
        WHOLE + b"epilogue",
        WHOLE[:-2] + b"x",
        WHOLE[:-2] + b"\r",
        WHOLE.replace(b"\r\n", b"\n"),
        body(text("a", b"x"), end=b"x\r\n"),
        body(text("a", b"x"), end=b"\n"),
        body(text("a", b"x"), end=b" --\r\n"),
    ],
)
def test_frames_that_are_refused(data: bytes) -> None:
    """Nothing stands before the first boundary, behind the last, or between one and its end."""
    for step in (1, 5, None):
        with pytest.raises(Malformed):
            _ = read(data, step)


@pytest.mark.parametrize(
    ("parts", "name", "repeated"),
    [
        ([text("model", b"a"), text("model", b"b")], "model", True),
        ([file(b"a", "model")], "model", False),
        ([text("prompt", b"\xff")], "prompt", False),
        ([text("prompt", b"x" * (MAX_TEXT_BYTES + 1))], "prompt", False),
    ],
)
def test_texts_that_are_refused(parts: list[Sent], name: str, *, repeated: bool) -> None:
    """A text that stands twice, is a file, is no UTF-8 or is too long is named."""
    with pytest.raises(Malformed) as refused:
        _ = read(body(*parts))

    assert (refused.value.field, refused.value.repeated) == (name, repeated)


def test_too_many_parts() -> None:
    """Parts are counted."""
    assert len(read(body(*[text("a", b"")] * MAX_PARTS)).parts) == MAX_PARTS
    with pytest.raises(Malformed):
        read(body(*[text("a", b"")] * (MAX_PARTS + 1)))


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;boundary="a b:c"', b"a b:c"),
        (b"multipart/form-data; charset=utf-8; Boundary=abc", b"abc"),
        (b"multipart/form-data; boundary=" + b"x" * 70, b"x" * 70),
    ],
)
def test_boundaries(kind: bytes, boundary: bytes) -> None:
    """A boundary is a token or quoted, at most 70 characters."""
    assert boundary_of(kind) == boundary


@pytest.mark.parametrize(
    "kind",
    [
        b"",
        b"application/json",
        b"multipart/mixed; boundary=abc",
        b"multipart/form-data",
        b"multipart/form-data; boundary=",
        b'multipart/form-data; boundary=""',
        b'multipart/form-data; boundary="abc "',
        b"multipart/form-data; boundary=a; boundary=b",
        b"multipart/form-data; boundary=" + b"x" * 71,
        b"multipart/form-data; boundary=a,b c",
        b"multipart/form-datax; boundary=abc",
    ],
)
def test_content_types_that_are_refused(kind: bytes) -> None:
    """Another kind, no boundary, two, or one that no form may have."""
    with pytest.raises(Malformed):
        boundary_of(kind)
