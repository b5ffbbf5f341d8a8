"""Reads a JSON body as a message, as Google's front end does: names in camelCase or snake_case,
nothing unknown, every value of its kind.

Words: errors of generativelanguage and aiplatform that users quoted in public issues (`Invalid JSON
payload received. Unknown name …`, `Proto field is not repeating, cannot start list.`), and
google/protobuf/util/internal of protobuf 3.20, whose `ProtoStreamObjectWriter` they come from.
"""

import base64
import binascii
import json
import re
from typing import Any

from tests.simulators.answer import RefusalError
from tests.simulators.gemini.errors import bad_field, invalid
from tests.simulators.gemini.messages import ENUM_HOMES, ENUM_PACKAGE, ENUMS, MESSAGES

Json = dict[str, Any]

_UNKNOWN = "Invalid JSON payload received. Unknown name"
_INTEGERS = {"int32": 2**31, "int64": 2**63}
_DATA = (
    "text",
    "inline_data",
    "file_data",
    "function_call",
    "function_response",
    "executable_code",
    "code_execution_result",
)
_ONE_OF = {"Part": ("data", _DATA), "FunctionResponsePart": ("data", _DATA)}


def read(message: str, body: bytes) -> Json:
    """The body as this message, its names in snake_case. Raises RefusalError, always a 400."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid(
            "Invalid JSON payload received. Expected a value.\n\n^"
            if not body
            else f"Invalid JSON payload received. Unable to parse number.\n{body[:60]!r}\n^"
        ) from error
    if not isinstance(value, dict):
        raise invalid(f'{_UNKNOWN} "": Root element must be a message.')
    return read_message(message, value, "")


def read_message(message: str, value: Json, path: str) -> Json:
    """The object as this message."""
    fields = MESSAGES[message]
    told: Json = {}
    for name, each in value.items():
        proto_name = snake(name)
        if proto_name not in fields:
            raise _unknown(name, path, "Cannot find field.")
        if each is None and fields[proto_name] != "any":
            continue  # as proto3 JSON has it: null is the default
        _check_one_of(message, told, name, path)
        told[proto_name] = _read(fields[proto_name], each, _under(path, proto_name))
    return told


def snake(name: str) -> str:
    """A proto name from either spelling."""
    return re.sub(r"[A-Z]", lambda match: "_" + match[0].lower(), name)


def decoded(data: str) -> bytes:
    """What base64 of either alphabet says, padded or not. Raises ValueError."""
    plain = data.rstrip("=").translate(str.maketrans("-_", "+/"))
    if not re.fullmatch(r"[A-Za-z0-9+/]*", plain):
        raise ValueError("not base64")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error


def _under(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _unknown(name: str, path: str, reason: str) -> RefusalError:
    at = f" at '{path}'" if path else ""
    return bad_field(path, f'{_UNKNOWN} "{name}"{at}: {reason}')


def _check_one_of(message: str, told: Json, name: str, path: str) -> None:
    group, members = _ONE_OF.get(message, ("", ()))
    if snake(name) in members and any(member in told for member in members):
        raise _invalid(path, "oneof", f"oneof field '{group}' is already set. Cannot set '{name}'")


def _invalid(path: str, kind: str, what: str) -> RefusalError:
    return bad_field(path, f"Invalid value at '{path}' ({kind}), {what}")


def _read(kind: str, value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    if kind.startswith("[]"):
        many = value if isinstance(value, list) else [value]
        return [_read(kind[2:], each, f"{path}[{index}]") for index, each in enumerate(many)]
    if isinstance(value, list) and kind != "any":
        parent, _, name = path.rpartition(".")
        raise _unknown(name, parent, "Proto field is not repeating, cannot start list.")
    if kind.startswith("{}"):
        return _read_map(kind[2:], value, path)
    if kind in MESSAGES:
        if not isinstance(value, dict):
            home = f"{ENUM_PACKAGE}.{kind}"
            raise _invalid(path, home, json.dumps(value))
        return read_message(kind, value, path)
    return _read_scalar(kind, value, path)


def _read_map(kind: str, value: Any, path: str) -> Json:  # noqa: ANN401 - any JSON value
    if not isinstance(value, dict):
        raise _invalid(path, "Map", json.dumps(value))
    return {
        name: _read(kind, each, f"{path}[{index}].value")
        for index, (name, each) in enumerate(value.items())
    }


def _read_scalar(kind: str, value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    if kind == "any":
        return value
    if isinstance(value, dict):
        raise _unknown(path.rpartition(".")[2], path, "Starting an object on a scalar field")
    if kind.startswith("enum:"):
        return _read_enum(kind[5:], value, path)
    if kind in {"float", "double", *_INTEGERS}:
        return _read_number(kind, value, path)
    return _read_plain(kind, value, path)


def _read_enum(name: str, value: Any, path: str) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and value.upper() in ENUMS[name]:
        return value.upper()
    raise _invalid(path, f"{ENUM_PACKAGE}.{ENUM_HOMES.get(name, name)}", json.dumps(value))


def _read_number(kind: str, value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    label = f"TYPE_{kind.upper()}"
    try:
        number = float(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError):
        number = None
    if number is None:
        raise _invalid(path, label, json.dumps(value))
    limit = _INTEGERS.get(kind)
    if limit is None:
        return number
    if not number.is_integer() or not -limit <= number < limit:
        raise _invalid(path, label, json.dumps(value))
    return int(number)


def _read_plain(kind: str, value: Any, path: str) -> Any:  # noqa: ANN401 - any JSON value
    """A string, a boolean, or bytes (which stay in base64)."""
    expected = bool if kind == "bool" else str
    if not isinstance(value, expected):
        raise _invalid(path, f"TYPE_{kind.upper()}", json.dumps(value))
    if kind == "bytes":
        try:
            decoded(value)
        except ValueError as error:
            what = f"Base64 decoding failed for {json.dumps(value[:60])}"
            raise _invalid(path, "TYPE_BYTES", what) from error
    return value
