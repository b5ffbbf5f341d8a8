"""What a gateway refuses with, as the errors of administration."""

import json

import pytest

from llmproxy.domain import errors
from llmproxy.infra.controllers.errors import rendered
from llmproxy.infra.remote.failures import failure

SAID = [
    errors.Unauthenticated("m"),
    errors.Forbidden("m"),
    errors.InvalidRequest("m", param="p"),
    errors.UnknownItem("m"),
    errors.AlreadyExists("m"),
    errors.ReadOnly("m"),
    errors.LimitsNeedRedis("m", param="limits"),
    errors.EtagMismatch("m"),
    errors.TooLarge("m"),
    errors.Unavailable("m"),
]


@pytest.mark.parametrize("error", SAID, ids=[type(each).__name__ for each in SAID])
def test_errors_come_back_as_what_they_were(error: errors.GatewayError) -> None:
    """Kind, code and field; through the very table that the gateway answers by."""
    status, _, body = rendered(error)
    found = failure("http://gateway", status, body)

    assert type(found) is type(error)
    assert "m" in found.message
    if isinstance(error, errors.CallerError):
        assert (found.code, found.param) == (error.code, error.param)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, b"<html>bad gateway</html>"), (404, b"nginx"), (200, b"[]"), (400, b'{"error": 1}')],
)
def test_somebody_else_answers(status: int, body: bytes) -> None:
    """A proxy, or another program: no traceback, the status is told."""
    found = failure("http://gateway", status, body)
    assert isinstance(found, errors.Unavailable)
    assert str(status) in found.message


def test_hints() -> None:
    """A wrong key and an unknown path say what to look at."""
    wrong = failure("g", 401, json.dumps({"error": {"message": "no"}}).encode())
    path = failure("g", 404, json.dumps({"error": {"message": "no", "code": "x"}}).encode())

    assert "LLMPROXY_ADMIN_KEY" in wrong.message
    assert isinstance(path, errors.UnknownUrl)
    assert "this version" in path.message
