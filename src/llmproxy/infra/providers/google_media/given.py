"""What a request says, whether it stands in a JSON body or in a form with files.

The desk has checked what it knows; a form's texts are texts here, whatever they mean.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from llmproxy.application.interfaces.call import Call, Upload, UploadedPart
from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.translated.chat_request import invalid, value_of
from llmproxy.infra.providers.translated.leftovers import HINTS, unsupported_parameters
from llmproxy.infra.providers.translated.remarks import Remarks

MAX_TEXT_BYTES = 256 * 1024
JSON_ALWAYS = frozenset(("model", "stream"))


class Given(NamedTuple):
    """Fields with their values; those of a form that may stand several times are lists.

    `files` are the parts that hold files, not yet read.
    """

    values: Mapping[str, Any]
    files: Sequence[UploadedPart] = ()

    def text(self, name: str) -> str | None:
        """Return a text, None when it is absent. Raises InvalidRequest."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid(name, "expected a string")
        return value

    def flag(self, name: str) -> bool | None:
        """Return a boolean, None when it is absent. Raises InvalidRequest."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise invalid(name, "expected a boolean")
        return value


def given_in_json(call: Call, without: AbstractSet[str] = frozenset()) -> Given:
    """Return the fields of a JSON body that are not null. Raises InvalidRequest."""
    read = {name: value_of(call, name) for name in call.body.fields if name not in without}
    return Given({name: value for name, value in read.items() if value is not None})


async def given_in_form(upload: Upload) -> Given:
    """Return the texts of a form, and where its files are. Raises InvalidRequest.

    A name that ends in `[]` is a list, without these signs (as the official SDKs write lists).
    """
    values: dict[str, Any] = {}
    files = []
    for part in upload.parts():
        if part.is_file:
            files.append(part)
            continue
        text = await text_of(upload, part)
        name = part.name.removesuffix("[]")
        if name != part.name:
            values.setdefault(name, []).append(text)
        elif name in values:
            raise invalid(name, "it stands more than once")
        else:
            values[name] = text
    return Given(values, files)


async def text_of(upload: Upload, part: UploadedPart) -> str:
    """Return the text that a part holds. Raises InvalidRequest."""
    if part.size > MAX_TEXT_BYTES:
        raise invalid(part.name, f"it is longer than {MAX_TEXT_BYTES} bytes")
    try:
        return (await read(upload, part)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid(part.name, "it is not UTF-8") from error


async def read(upload: Upload, part: UploadedPart) -> bytes:
    """Return what a part holds. Raises Broken when the gateway has lost it."""
    try:
        return await upload.read(part)
    except OSError as error:
        words = "The gateway cannot read the upload that it keeps."
        raise Broken(words, code="upload_lost", detail=str(error)) from error


def check_rest(
    given: Given,
    remarks: Remarks,
    supported: AbstractSet[str],
    neutral: Mapping[str, Sequence[object]],
) -> None:
    """Refuse or name what was given beyond `supported`.

    `neutral` are values that ask for nothing beyond what happens anyway. Raises InvalidRequest
    that names all fields which the model cannot take.
    """
    unsupported = []
    for name, value in given.values.items():
        if name in supported or name in JSON_ALWAYS or value in neutral.get(name, ()):
            continue
        if name in HINTS:
            remarks.drop(name)
        else:
            unsupported.append(name)
    if unsupported and not remarks.lenient:
        raise unsupported_parameters(unsupported, remarks.model)
    for name in unsupported:
        remarks.drop(name)
