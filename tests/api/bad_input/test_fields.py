"""Fields that are missing, of the wrong type, or outside of OpenAI's ranges."""

import pytest

from tests.api.bad_input.conftest import Strict
from tests.api.raw import HELLO, chat

MODEL = {
    "missing": (b'{"messages":%b}', "missing_required_parameter"),
    "null": (b'{"model":null,"messages":%b}', "missing_required_parameter"),
    "empty": (b'{"model":"","messages":%b}', "empty_string"),
    "number": (b'{"model":1,"messages":%b}', "invalid_type"),
    "decimal": (b'{"model":1.5,"messages":%b}', "invalid_type"),
    "boolean": (b'{"model":true,"messages":%b}', "invalid_type"),
    "array": (b'{"model":["echo"],"messages":%b}', "invalid_type"),
    "object": (b'{"model":{"id":"echo"},"messages":%b}', "invalid_type"),
}


@pytest.mark.parametrize(("body", "code"), MODEL.values(), ids=MODEL)
def test_model(strict: Strict, body: bytes, code: str) -> None:
    """A request must name its model in words."""
    answer = strict.refuses(body % HELLO)

    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, "model")


UNKNOWN = {
    "unknown": b"gpt-0",
    "other-capitals": b"Echo",
    "spaces": b" echo",
    "a-path": b"../echo",
    "a-long-one": b"x" * 100_000,
    "line-breaks": b"a\\r\\nx-evil: 1",
    "nul": b"\\u0000",
    "emoji": b"\\ud83d\\ude00",
    "markup": b"<script>",
}


@pytest.mark.parametrize("name", UNKNOWN.values(), ids=UNKNOWN)
def test_unknown_model(strict: Strict, name: bytes) -> None:
    """A model that is not there is a 404 in bounded words, whatever it is called."""
    answer = strict.refuses(chat(model=name))

    assert (answer.status, answer.error["code"]) == (404, "model_not_found")
    assert len(answer.error["message"]) < 300
    assert answer.header("x-evil") is None


def test_no_name_forges_a_line_of_the_log(strict: Strict) -> None:
    """What a caller calls its model stays one word of one line of the access log."""
    forged = "2026-01-01T00:00:00Z 200 GET /forged"
    strict.refuses(chat(model=b"a\\r\\n%b\\u2028%b" % (forged.encode(), forged.encode())))
    strict.serves()

    assert not [line for line in strict.gateway.log.splitlines() if line.startswith(forged)]


MESSAGES = {
    "missing": (b"", "messages", "missing_required_parameter"),
    "null": (b'"messages":null', "messages", "invalid_type"),
    "empty": (b'"messages":[]', "messages", "empty_array"),
    "a-string": (b'"messages":"hello"', "messages", "invalid_type"),
    "a-number": (b'"messages":1', "messages", "invalid_type"),
    "an-object": (b'"messages":{"role":"user","content":"x"}', "messages", "invalid_type"),
    "strings": (b'"messages":["hello"]', "messages[]", "invalid_type"),
    "nulls": (b'"messages":[null]', "messages[]", "invalid_type"),
    "no-role": (b'"messages":[{"content":"x"}]', "messages[]", "invalid_type"),
    "a-number-as-role": (
        b'"messages":[{"role":1,"content":"x"}]',
        "messages[].role",
        "invalid_type",
    ),
    "a-null-role": (
        b'"messages":[{"role":null,"content":"x"}]',
        "messages[].role",
        "invalid_type",
    ),
    "a-number-as-content": (
        b'"messages":[{"role":"user","content":1}]',
        "messages[].content",
        "invalid_type",
    ),
    "an-object-as-content": (
        b'"messages":[{"role":"user","content":{"text":"x"}}]',
        "messages[].content",
        "invalid_type",
    ),
    "the-last-is-wrong": (
        b'"messages":[{"role":"user","content":"x"},{"role":"user","content":false}]',
        "messages[].content",
        "invalid_type",
    ),
}


@pytest.mark.parametrize(("field", "param", "code"), MESSAGES.values(), ids=MESSAGES)
def test_messages(strict: Strict, field: bytes, param: str, code: str) -> None:
    """Messages must have their shape; the error says where it ends."""
    body = b'{"model":"echo"%b}' % (b"," + field if field else b"")
    answer = strict.refuses(body)

    assert (answer.status, answer.error["code"]) == (400, code)
    found = answer.error["param"]
    assert "".join(each for each in found if not each.isdigit()) == param


PARTS = [b"1", b"null", b'"x"', b"[]", b'{"type":"text","text":"x"},2']


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("stream", [b"", b',"stream":true'], ids=["plain", "stream"])
def test_parts_of_content(strict: Strict, part: bytes, stream: bytes) -> None:
    """Parts that are no objects are refused by whoever reads them, never a crash."""
    messages = b'"messages":[{"role":"user","content":[%b]}]' % part
    answer = strict.post(b'{"model":"echo",%b%b}' % (messages, stream))

    assert answer.status == 400
    assert answer.error["param"] == "messages"


RANGES = {
    "temperature": (b"0", b"2", [b"-0.1", b"2.1", b"-1e300", b"1e300"]),
    "top_p": (b"0", b"1", [b"-0.01", b"1.01"]),
    "frequency_penalty": (b"-2", b"2.0", [b"-2.01", b"2.01"]),
    "presence_penalty": (b"-2.0", b"2", [b"-2.01", b"3"]),
    "n": (b"1", b"128", [b"0", b"-1", b"129", b"99999999999999999999999999"]),
    "top_logprobs": (b"0", b"20", [b"-1", b"21"]),
    "max_tokens": (b"1", b"100000", [b"0", b"-1", b"-99999999999999999999999999"]),
    "max_completion_tokens": (b"1", b"100000", [b"0", b"-5"]),
}
OUTSIDE = [(name, value) for name, (_, _, wrong) in RANGES.items() for value in wrong]


@pytest.mark.parametrize(("name", "value"), OUTSIDE)
def test_numbers_outside_of_their_range(strict: Strict, name: str, value: bytes) -> None:
    """OpenAI's bounds hold here already; the error names field, bound and value."""
    answer = strict.refuses(chat(b'"%b":%b' % (name.encode(), value)))
    side = "below_min" if value.startswith((b"-", b"0")) else "above_max"

    assert answer.status == 400
    assert answer.error["param"] == name
    assert answer.error["code"].endswith(f"_{side}_value")
    assert "Expected a value" in answer.error["message"]


@pytest.mark.parametrize("name", RANGES)
def test_numbers_at_the_edge_of_their_range(strict: Strict, name: str) -> None:
    """A bound is itself allowed, and null is as good as absent."""
    least, most, _ = RANGES[name]
    for value in (least, most, b"null"):
        assert strict.post(chat(b'"%b":%b' % (name.encode(), value))).status == 200


WRONG_TYPES = {
    "temperature": [b'"1"', b"true", b"[1]", b"{}", b"1e999", b"-1e999"],
    "top_p": [b'"1"', b"false", b"1e999"],
    "frequency_penalty": [b'"0"', b"[]"],
    "presence_penalty": [b'"0"', b"{}"],
    "n": [b"1.5", b'"1"', b"true", b"[1]", b"9" * 5000],
    "top_logprobs": [b"0.5", b'"5"', b"false"],
    "max_tokens": [b"10.5", b'"10"', b"true", b"{}", b"1e999", b"9" * 5000],
    "max_completion_tokens": [b"1.5", b'"10"'],
    "stream": [b"1", b'"true"', b"[]", b"0"],
    "logprobs": [b"1", b'"true"'],
    "store": [b"1"],
    "parallel_tool_calls": [b'"yes"'],
    "stream_options": [b"1", b"true", b'"x"', b"[]", b'{"include_usage":1}', b'{"a":%b}'],
}
MISTYPED = [(name, value) for name, values in WRONG_TYPES.items() for value in values]


@pytest.mark.parametrize(
    ("name", "value"), MISTYPED, ids=[f"{name}-{value[:20].decode()}" for name, value in MISTYPED]
)
def test_wrong_types(strict: Strict, name: str, value: bytes) -> None:
    """A value of another type, or one that no number can hold, is refused by name."""
    deep = b"[" * 900 + b"]" * 900
    answer = strict.refuses(chat(b'"%b":%b' % (name.encode(), value.replace(b"%b", deep))))

    assert answer.status == 400
    assert answer.error["code"] in {"invalid_type", "invalid_value"}
    assert answer.error["param"] == name
    assert len(answer.error["message"]) < 300


def test_the_largest_numbers_are_reckoned_with(strict: Strict) -> None:
    """A bound of tokens beyond 64 bits is reserved and settled like any other."""
    answer = strict.post(chat(b'"n":128,"max_tokens":' + b"9" * 40))

    assert answer.status == 200


KINDS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "json"]


@pytest.mark.parametrize("kind", KINDS)
def test_other_content_types(strict: Strict, kind: str) -> None:
    """Only JSON is read: a form that a web page can send across sites is not."""
    answer = strict.refuses(chat(), b"content-type: " + kind.encode())

    assert (answer.status, answer.error["code"]) == (400, "unsupported_content_type")


@pytest.mark.parametrize("kind", ["Application/JSON", "application/json; charset=utf-8"])
def test_json_in_other_words(strict: Strict, kind: str) -> None:
    """A media type has no capitals to mind, and may have parameters."""
    assert strict.post(chat(), b"content-type: " + kind.encode()).status == 200
