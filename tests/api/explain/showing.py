"""Comparing a request that was shown with the one that then arrived."""

import json
from typing import Any

from tests.simulators.recording import RecordedRequest

MASK = "*****"


def check_same(answer: bytes, record: RecordedRequest) -> None:
    """Check that the first candidate that takes the call was to be sent this very request."""
    said = json.loads(answer)
    taking = [each for each in said["candidates"] if each["refuses"] is None]
    request = taking[0]["request"]
    assert taking[0]["deployment"] == said["served_by"]
    assert request["method"] == record.method
    assert b'"body":' + record.body + b',"body_base64":null' in answer
    assert request["body_bytes"] == len(record.body)
    _check_url(request["url"], record)
    _check_headers(request["headers"], record)


def _check_url(url: str, record: RecordedRequest) -> None:
    host = dict(record.headers)["host"]
    assert url == f"http://{host}{record.target}"


def _check_headers(shown: list[Any], record: RecordedRequest) -> None:
    arrived = [(name.lower(), value) for name, value in record.headers]
    assert [name.lower() for name, _ in shown] == [name for name, _ in arrived]
    for (name, value), (_, real) in zip(shown, arrived, strict=True):
        if MASK in value:
            start = value.removesuffix(MASK)
            assert real.startswith(start), name
            assert real != value, name
        else:
            assert value == real, name
