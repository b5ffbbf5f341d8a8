"""The one table of errors: every leaf has a status, every answer OpenAI's envelope."""

import json
from collections.abc import Iterator

import pytest

from llmproxy.domain import errors
from llmproxy.infra.controllers.errors import CRASH, TABLE, envelope, error_frame, rendered, row_of

STATUSES = {
    "Unauthenticated": (401, False),
    "Forbidden": (403, False),
    "InvalidRequest": (400, False),
    "UnknownItem": (404, False),
    "AlreadyExists": (409, False),
    "EtagMismatch": (412, False),
    "ReadOnly": (409, False),
    "LimitsNeedRedis": (409, False),
    "IdempotencyKeyReused": (422, False),
    "IdempotencyInProgress": (409, True),
    "UnknownResponse": (404, False),
    "UnknownModel": (404, False),
    "OperationNotSupported": (400, False),
    "PriceMissing": (402, False),
    "BudgetSpent": (429, False),
    "RateLimited": (429, True),
    "TooLarge": (413, False),
    "SlowUpload": (408, True),
    "UnknownUrl": (404, False),
    "WrongMethod": (405, False),
    "UnsupportedEndpoint": (501, False),
    "Busy": (429, True),
    "TimedOut": (504, True),
    "Broken": (502, True),
    "OwnFault": (502, False),
    "Unavailable": (503, True),
}


def _leaves(kind: type[errors.GatewayError]) -> Iterator[type[errors.GatewayError]]:
    # A store's own kind of one of them, which it has imported or not, does not count.
    below = [each for each in kind.__subclasses__() if each.__module__ == errors.__name__]
    if not below:
        yield kind
    for each in below:
        yield from _leaves(each)


def _made(kind: type[errors.GatewayError]) -> errors.GatewayError:
    if kind is errors.WrongMethod:
        return errors.WrongMethod("No.", allowed="GET, POST")
    if kind is errors.Refused:
        return errors.Refused("No.", status=422, error={})
    return kind("No.")


LEAVES = sorted(set(_leaves(errors.GatewayError)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_leaf_has_its_status(kind: type[errors.GatewayError]) -> None:
    """No error of the gateway is a crash; the official SDKs are told whether to retry."""
    status, headers, body = rendered(_made(kind))
    expected = (422, False) if kind is errors.Refused else STATUSES[kind.__name__]
    retry = {True: b"true", False: b"false", None: None}[expected[1]]

    assert status == expected[0]
    assert dict(headers).get(b"x-should-retry") == retry
    assert dict(headers)[b"content-type"] == b"application/json"
    assert dict(headers)[b"content-length"] == str(len(body)).encode()
    error = json.loads(body)["error"]
    assert list(error)[:4] == ["message", "type", "param", "code"]
    assert (error["message"], error["param"]) == ("No.", None)
    assert error["code"] is None or not error["code"].isdecimal()


def test_the_table_knows_nothing_else() -> None:
    """A row is a leaf, and every leaf but the provider's own words has one."""
    assert {kind.__name__ for kind in TABLE} == set(STATUSES)
    assert set(TABLE) | {errors.Refused} == set(LEAVES)


def test_a_crash() -> None:
    """What is no error of the gateway says nothing of itself."""
    crash = ZeroDivisionError("secret words")
    status, headers, body = rendered(crash)

    assert row_of(crash) is CRASH
    assert status == 500
    assert b"x-should-retry" not in dict(headers)
    assert json.loads(body) == {
        "error": {
            "message": "The gateway failed.",
            "type": "server_error",
            "param": None,
            "code": "internal_error",
        }
    }


@pytest.mark.parametrize(
    ("seconds", "after", "after_ms"),
    [(0.02, b"1", b"20"), (1.5, b"2", b"1500"), (0.0, b"0", b"0"), (None, None, None)],
)
def test_waits(seconds: float | None, after: bytes | None, after_ms: bytes | None) -> None:
    """A wait stands in both headers that the SDKs read, rounded up."""
    for error in (
        errors.RateLimited("No.", retry_after_s=seconds),
        errors.Busy("No.", retry_after_s=seconds),
        errors.Broken("No.", retry_after_s=seconds),
        errors.Unavailable("No.", retry_after_s=seconds),
    ):
        headers = dict(rendered(error)[1])
        assert (headers.get(b"retry-after"), headers.get(b"retry-after-ms")) == (after, after_ms)


def test_headers_of_their_own() -> None:
    """What is allowed is named, and which credential is wanted."""
    method = dict(rendered(errors.WrongMethod("No.", allowed="GET, POST"))[1])
    key = dict(rendered(errors.Unauthenticated("No."))[1])

    assert method[b"allow"] == b"GET, POST"
    assert key[b"www-authenticate"] == b"Bearer"


def test_a_hint_ends_the_message() -> None:
    """What to do next stands where people look."""
    error = errors.InvalidRequest("Wrong.", param="n", code="c", hint="Do this.")

    assert envelope(error)["error"] == {
        "message": "Wrong. Do this.",
        "type": "invalid_request_error",
        "param": "n",
        "code": "c",
    }


def test_what_only_the_log_may_know() -> None:
    """`detail` is never sent."""
    error = errors.OwnFault("Ours.", detail="key sk-1 of acct_1")

    assert b"acct_1" not in rendered(error)[2]
    assert b"acct_1" not in error_frame(error)


def test_a_providers_refusal_keeps_its_own_fields() -> None:
    """Azure's inner error says which filter struck; the four keys stay as they were told."""
    said = {
        "message": "Filtered.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {"content_filter_result": {"hate": {"filtered": True}}},
    }
    status, _, body = rendered(errors.Refused("Filtered.", status=400, error=said))
    error = json.loads(body)["error"]

    assert status == 400
    assert error == {
        "message": "Filtered.",
        "type": "invalid_request_error",
        "param": "prompt",
        "code": "content_filter",
        "innererror": said["innererror"],
    }


@pytest.mark.parametrize("depth", [600, 5000, 9000])
@pytest.mark.parametrize("kind", [dict, list])
def test_a_refusal_that_is_nested_deeply(kind: type, depth: int) -> None:
    """It is told as far as anybody looks: Python follows fewer levels than msgspec reads."""
    deep: object = "sk-0123456789abcdefghijklmnopqrstuv"
    for _ in range(depth):
        deep = {"a": deep} if kind is dict else [deep]
    error = {"message": "No.", "inner": deep, "flat": {"a": ["b"]}}
    told = envelope(errors.Refused("No.", status=400, error=error))["error"]
    assert told["message"] == "No."
    assert told["flat"] == {"a": ["b"]}
    assert "[nested too deep]" in json.dumps(told["inner"])
    assert "sk-0123" not in json.dumps(told["inner"])


def test_the_frame_of_a_stream() -> None:
    """One event whose data is the envelope: both official SDKs raise on it."""
    frame = error_frame(errors.Broken("Cut."))

    assert frame.startswith(b'data: {"error":{')
    assert frame.endswith(b"}}\n\n")
    assert json.loads(frame.removeprefix(b"data: "))["error"]["code"] == "upstream_error"
    assert frame.count(b"\n") == 2
