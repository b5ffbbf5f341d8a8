"""AWS's binary event streams, as Bedrock sends them: written by the specification, not by botocore.

docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html: total length, length of the
headers and the CRC of both; headers (name, type 7, value); payload; the CRC of all.
"""

import json
import struct
from binascii import crc32
from typing import Any

_TEXT = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", 12 + len(head) + len(payload) + 4, len(head))
    prelude += struct.pack("!I", crc32(prelude))
    message = prelude + head + payload
    return message + struct.pack("!I", crc32(message))


def event(name: str, payload: dict[str, Any]) -> bytes:
    """An event of a ConverseStream answer."""
    headers = {
        ":event-type": name,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return frame(headers, json.dumps(payload).encode())


def failure(name: str, message: str) -> bytes:
    """An exception inside a stream."""
    headers = {
        ":exception-type": name,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return frame(headers, json.dumps({"message": message}).encode())


def _header(name: str, value: str) -> bytes:
    said, meant = name.encode(), value.encode()
    return bytes((len(said),)) + said + struct.pack("!BH", _TEXT, len(meant)) + meant
