"""`multipart/form-data` as a strict vendor reads it (RFC 7578): all at once, by splitting."""

import re
from dataclasses import dataclass

from tests.simulators.answer import RefusalError
from tests.simulators.http import Request

_KIND = re.compile(r'multipart/form-data; ?boundary="?([0-9A-Za-z\'()+_,\-./:=?]{1,70})"?')
_DISPOSITION = re.compile(r'form-data; name="([^"\\]*)"(?:; filename="((?:[^"\\]|\\.)*)")?')


@dataclass(frozen=True, slots=True)
class Field:
    """One part; a text has no `filename`."""

    name: str
    value: bytes
    filename: str | None = None
    content_type: str | None = None


def _refused(reason: str) -> RefusalError:
    return RefusalError(400, f"Could not parse multipart form: {reason}", code="invalid_multipart")


def form_of(request: Request) -> list[Field]:
    """The fields in their order. Raises RefusalError."""
    matched = _KIND.fullmatch(request.header("content-type") or "")
    if matched is None:
        raise _refused("content-type")
    delimiter = b"\r\n--" + matched[1].encode()
    opening, *parts, closing = (b"\r\n" + request.body).split(delimiter)
    if opening or closing not in {b"--", b"--\r\n"}:
        raise _refused("boundary")
    return [_field(part) for part in parts]


def _field(part: bytes) -> Field:
    head, gap, value = part.partition(b"\r\n\r\n")
    if not gap or not head.startswith(b"\r\n"):
        raise _refused("a part without headers")
    lines = [line.partition(": ") for line in head[2:].decode().split("\r\n")]
    headers = {name.lower(): text for name, _, text in lines}
    named = _DISPOSITION.fullmatch(headers.get("content-disposition", ""))
    if named is None or len(headers) != len(lines):
        raise _refused("the headers of a part")
    told = headers.get("content-length")
    if told is not None and int(told) != len(value):
        raise _refused("the content-length of a part")
    return Field(named[1], value, named[2], headers.get("content-type"))


def texts_of(fields: list[Field], allowed: frozenset[str]) -> dict[str, str]:
    """The texts; those whose names end in `[]` are joined by commas."""
    texts: dict[str, str] = {}
    for field in fields:
        if field.name.removesuffix("[]") not in allowed:
            raise RefusalError(
                400,
                f"Unknown parameter: '{field.name}'.",
                param=field.name,
                code="unknown_parameter",
            )
        if field.filename is None:
            said = field.value.decode()
            if field.name in texts and not field.name.endswith("[]"):
                raise _refused(f"{field.name} stands twice")
            texts[field.name] = f"{texts[field.name]},{said}" if field.name in texts else said
    return texts


def model_in_form(request: Request) -> str | None:
    """The `model` of a form, None when it names none."""
    named = [field.value.decode() for field in form_of(request) if field.name == "model"]
    return named[0] if len(named) == 1 else None


def files_of(fields: list[Field], *names: str) -> list[Field]:
    """The files of these fields. Raises RefusalError when there is none."""
    files = [field for field in fields if field.name in names and field.filename is not None]
    if not files:
        raise RefusalError(
            400,
            f"Missing required parameter: '{names[0]}'.",
            param=names[0],
            code="missing_required_parameter",
        )
    return files
