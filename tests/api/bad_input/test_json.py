"""Bodies that are not one JSON object, or hold a field twice."""

import pytest

from tests.api.bad_input.conftest import Strict
from tests.api.raw import HELLO, chat

DEEP = 100_000
NESTED = b"[" * DEEP + b"]" * DEEP
NESTED_OBJECTS = b'{"a":' * DEEP + b"1" + b"}" * DEEP

NOT_AN_OBJECT = {
    "nothing": b"",
    "white-space": b" \n\t ",
    "words": b"hello",
    "null": b"null",
    "a-number": b"1",
    "a-string": b'"model"',
    "an-array": b"[]",
    "an-array-of-it": b"[" + chat() + b"]",
    "half": chat()[:-10],
    "a-byte-less": chat()[:-1],
    "something-behind": chat() + b"x",
    "two-objects": chat() + chat(),
    "a-form": b"model=echo&messages=hello",
    "single-quotes": chat().replace(b'"', b"'"),
    "a-comment": chat() + b"// thanks",
    "a-comma-too-many": chat()[:-1] + b",}",
    "a-byte-order-mark": b"\xef\xbb\xbf" + chat(),
    "utf-16": chat().decode().encode("utf-16"),
    "invalid-utf-8": chat().replace(b"hello", b"\xff\xfe"),
    "invalid-utf-8-in-an-unknown-field": chat(b'"x":"\xc3\x28"'),
    "overlong-utf-8": chat().replace(b"hello", b"\xc0\xaf"),
    "surrogates-in-utf-8": chat().replace(b"hello", b"\xed\xa0\x80"),
    "a-lone-surrogate": chat().replace(b"hello", b"\\ud800"),
    "a-lone-low-surrogate": chat().replace(b"hello", b"\\udc00 "),
    "a-lone-surrogate-in-an-unknown-field": chat(b'"x":"\\ud800"'),
    "a-lone-surrogate-as-a-name": chat(b'"\\ud800":1'),
    "a-control-character": chat().replace(b"hello", b"\x01"),
    "nul": chat().replace(b"hello", b"\x00"),
    "an-unknown-escape": chat().replace(b"hello", b"\\q"),
    "nan": chat(b'"temperature":NaN'),
    "nan-in-an-unknown-field": chat(b'"x":NaN'),
    "infinity": chat(b'"temperature":Infinity'),
    "minus-infinity-in-an-unknown-field": chat(b'"x":-Infinity'),
    "a-leading-zero": chat(b'"x":01'),
    "hexadecimal": chat(b'"x":0x1'),
    "a-bare-point": chat(b'"x":1.'),
    "half-a-word": chat(b'"x":tru'),
    "deep-in-an-unknown-field": chat(b'"x":' + NESTED),
    "deep-objects-in-an-unknown-field": chat(b'"x":' + NESTED_OBJECTS),
    "deep-in-a-known-field": chat(b'"temperature":' + NESTED),
    "deep-model": b'{"model":' + NESTED + b',"messages":' + HELLO + b"}",
    "deep-messages": b'{"model":"echo","messages":' + NESTED + b"}",
    "deep-and-never-closed": chat(b'"x":' + b"[" * DEEP)[:-1],
    "deep-with-spaces": chat(b' "x" : ' + NESTED),
    "deep-top-level": NESTED,
}


@pytest.mark.parametrize("body", NOT_AN_OBJECT.values(), ids=NOT_AN_OBJECT)
def test_what_is_not_one_json_object(strict: Strict, body: bytes) -> None:
    """It is refused in words, before anything else is looked at."""
    answer = strict.refuses(body)

    assert (answer.status, answer.error["code"]) == (400, "invalid_json")
    assert answer.error["message"].startswith("We could not parse the JSON body of your request: ")
    assert len(answer.body) < 1000


@pytest.mark.parametrize("spaces", [b"", b" "], ids=["compact", "spaced"])
def test_every_depth_is_served_or_refused(strict: Strict, spaces: bytes) -> None:
    """At the very depth where parsers give up there is no third outcome."""
    outcomes = []
    for depth in range(900, 1100):
        answer = strict.post(chat(spaces + b'"x":' + b"[" * depth + b"]" * depth))
        outcomes.append(answer.status)
        assert answer.status == 200 or answer.error["code"] == "invalid_json"

    assert set(outcomes) <= {200, 400}
    assert outcomes[0] == 200


REPEATED = {
    "model": b'{"model":"echo","model":"other","messages":%b}',
    "model-same-value": b'{"model":"echo","model":"echo","messages":%b}',
    "model-escaped": b'{"model":"echo","mod\\u0065l":"other","messages":%b}',
    "model-escaped-first": b'{"\\u006dodel":"other","model":"echo","messages":%b}',
    "model-in-a-pretty-body": b'{\n  "model": "echo",\n  "messages": %b,\n  "model": "other"\n}\n',
    "model-escaped-in-a-pretty-body": b'{\n "model" : "echo",\r\n "mod\\u0065l" : 1,"messages":%b}',
    "model-first-of-wrong-type": b'{"model":1,"model":"echo","messages":%b}',
    "messages": b'{"model":"echo","messages":[],"messages":%b}',
    "stream": b'{"stream":true,"model":"echo","stream":false,"messages":%b}',
    "unknown": b'{"x":1,"model":"echo","messages":%b,"x":2}',
    "\u00e9": '{"\u00e9":1,"model":"echo","messages":%b,"\\u00e9":2}'.encode(),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_field_that_stands_twice(strict: Strict, name: str) -> None:
    """Two readers of one body could take it for different requests: it is refused."""
    answer = strict.refuses(REPEATED[name] % HELLO)

    assert (answer.status, answer.error["code"]) == (400, "repeated_field")
    assert answer.error["param"] == {"unknown": "x"}.get(name, name.partition("-")[0])


def test_a_field_repeated_further_down_is_left_alone(strict: Strict) -> None:
    """What stands twice inside of a field is the provider's affair."""
    assert strict.post(chat(b'"metadata":{"a":1,"a":2}')).status == 200


SERVED = {
    "spaces": b' \r\n\t{ "model" : "echo" , "messages" : %b } \n',
    "escaped-names": b'{"\\u006dodel":"\\u0065cho","messages":%b}',
    "escapes-in-unknown-names": b'{"a\\nb":1,"\\ud83d\\ude00":2,"model":"echo","messages":%b}',
    "an-empty-name": b'{"":1,"model":"echo","messages":%b}',
    "huge-numbers": b'{"x":1e999,"y":123456789012345678901234567890,"model":"echo","messages":%b}',
    "nulls": b'{"temperature":null,"stream":null,"n":null,"model":"echo","messages":%b}',
    "a-thousand-fields": b'{%b"model":"echo","messages":%%b}'
    % b"".join(b'"f%d":%d,' % (number, number) for number in range(1000)),
}


@pytest.mark.parametrize("body", SERVED.values(), ids=SERVED)
def test_odd_but_right(strict: Strict, body: bytes) -> None:
    """What is JSON is served, however it is written."""
    assert strict.post(body % HELLO).status == 200
