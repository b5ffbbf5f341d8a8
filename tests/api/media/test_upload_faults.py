"""Uploads that go wrong, on bare sockets: every one has a clear end and leaves nothing behind."""

import json
import threading
from collections.abc import Iterator

import pytest

from tests import exposition
from tests.api.asking import within
from tests.api.media import odd_upstream
from tests.api.media.conftest import MAX_UPLOAD_BYTES, Stage
from tests.api.raw import Answer, connected, exchange, post
from tests.api.traces import open_files, resident_bytes
from tests.simulators.operations.transcriptions import transcript

PATH = b"/v1/audio/transcriptions"
KIND = b"content-type: multipart/form-data; boundary=b0"
PIECE = 64 * 1024
SLOW_MODEL_BYTES = 6 * 1024 * 1024
GROWTH_BYTES = 48 * 1024 * 1024


def part(name: bytes, value: bytes, more: bytes = b"") -> bytes:
    """One part with the boundary before it."""
    head = b'--b0\r\nContent-Disposition: form-data; name="%b"%b' % (name, more)
    return b"%b\r\n\r\n%b\r\n" % (head, value)


def form(size: int = 1000, model: bytes = b"whisper") -> bytes:
    """A good form with a file of this size; the model stands behind it."""
    file = part(b"file", b"x" * size, b'; filename="a.mp3"\r\nContent-Type: audio/mpeg')
    return file + part(b"model", model) + b"--b0--\r\n"


def chunked(body: bytes, *lines: bytes) -> bytes:
    """The request with a body in chunks."""
    head = post(b"", KIND, b"transfer-encoding: chunked", *lines, path=PATH)
    head = head.replace(b"content-length: 0\r\n", b"")
    chunks = [body[at : at + PIECE] for at in range(0, len(body), PIECE)]
    return head + b"".join(b"%x\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\n\r\n"


@pytest.fixture(autouse=True)
def nothing_left(stage: Stage) -> Iterator[None]:
    """No file or connection stays open for an upload that is over, and the next one is served."""
    assert upload(stage, form()).status == 200
    process_id = stage.gateway.process.pid
    before = open_files(process_id)
    yield
    answer = upload(stage, form(2_000_000))
    assert json.loads(answer.body)["text"] == transcript(b"x" * 2_000_000)
    assert within(5.0, lambda: open_files(process_id) <= before + 8)
    assert within(5.0, lambda: _in_flight(stage) == 0)


def _in_flight(stage: Stage) -> float:
    _, text = stage.gateway.get("/metrics")
    return exposition.figures(text.decode())["requests_in_flight"]


def upload(stage: Stage, body: bytes, *lines: bytes) -> Answer:
    """Send a form with its length."""
    return exchange(stage.gateway.url, post(body, KIND, *lines, path=PATH))


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_chunks(stage: Stage, size: int) -> None:
    """A body without a length is as good."""
    answer = exchange(stage.gateway.url, chunked(form(size)))

    assert json.loads(answer.body)["text"] == transcript(b"x" * size)


def test_expecting_to_be_asked(stage: Stage) -> None:
    """A client that waits for `100 Continue` gets it; one that will be refused does not send."""
    body = form(3_000_000)
    with connected(stage.gateway.url) as wire:
        wire.send(post(b"", KIND, b"expect: 100-continue", path=PATH, length=len(body)))
        assert wire.line() == b"HTTP/1.1 100 Continue\r\n"
        assert wire.line() == b"\r\n"
        wire.send(body)
        assert wire.answer().status == 200
    with connected(stage.gateway.url) as wire:
        too_much = MAX_UPLOAD_BYTES + 1
        wire.send(post(b"", KIND, b"expect: 100-continue", path=PATH, length=too_much))
        assert wire.answer().status == 413


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (b"application/json", "unsupported_content_type"),
        (b"text/plain", "unsupported_content_type"),
        (b"multipart/form-data", "unsupported_content_type"),
        (b"multipart/form-data; boundary=", "unsupported_content_type"),
        (b"multipart/form-data; boundary=b1", "invalid_multipart"),
        (b"multipart/form-data; boundary=b", "invalid_multipart"),
    ],
)
def test_content_types(stage: Stage, kind: bytes, code: str) -> None:
    """What is no form, or has another boundary than it says, is a 400."""
    request = post(form(), b"content-type: " + kind, path=PATH)
    answer = exchange(stage.gateway.url, request)

    assert (answer.status, answer.error["code"]) == (400, code)
    assert answer.header("x-should-retry") == "false"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        form()[:-8],
        form()[:-4],
        form() + b"more",
        form().replace(b"\r\n", b"\n"),
        part(b"file", b"x", b'; filename="' + b"a" * 9000 + b'"') + form(),
        part(b"file", b"x", b"\r\nX-Huge: " + b"a" * 9000) + form(),
        part(b"a", b"") * 201 + form(),
    ],
    ids=["empty", "text", "cut", "unclosed", "epilogue", "lines", "name", "headers", "parts"],
)
def test_bad_forms(stage: Stage, body: bytes) -> None:
    """Each is a 400 that says what is wrong."""
    answer = upload(stage, body)

    assert (answer.status, answer.error["code"]) == (400, "invalid_multipart")


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        (part(b"model", b"whisper") + form(), "model", "repeated_field"),
        (part(b"model", b"w", b'; filename="m"') + b"--b0--", "model", "invalid_type"),
        (part(b"model", b"whisper") + b"--b0--", "file", "missing_required_parameter"),
        (form(model=b""), "model", "empty_string"),
        (form(model=b"\xff"), "model", "invalid_type"),
        (part(b"prompt", b"x" * 1_100_000) + form(), "prompt", "invalid_type"),
        (form(model=b"no-such-model"), None, "model_not_found"),
    ],
)
def test_bad_fields(stage: Stage, body: bytes, param: str | None, code: str) -> None:
    """Each is refused by name."""
    answer = upload(stage, body)

    assert (answer.error["param"], answer.error["code"]) == (param, code)


@pytest.mark.parametrize("size", [MAX_UPLOAD_BYTES, 3 * MAX_UPLOAD_BYTES])
def test_too_large_by_its_length(stage: Stage, size: int) -> None:
    """It is refused before it is read."""
    body = form(size)
    answer = upload(stage, body)

    assert (answer.status, answer.error["code"]) == (413, "request_too_large")
    assert "MAX_UPLOAD_BYTES" in answer.error["message"]


def test_too_large_in_chunks(stage: Stage) -> None:
    """It is refused when it has passed the bound."""
    answer = exchange(stage.gateway.url, chunked(form(MAX_UPLOAD_BYTES + PIECE)))

    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_an_upload_that_stalls(stage: Stage, size: int) -> None:
    """After the limit on pauses it is a 408."""
    body = form(size)
    with connected(stage.gateway.url) as wire:
        wire.send(post(body, KIND, path=PATH)[:-500])
        answer = wire.answer()

    assert (answer.status, answer.error["code"]) == (408, "request_timeout")


@pytest.mark.parametrize("how", ["leave", "reset"])
@pytest.mark.parametrize("size", [1000, 3_000_000])
def test_a_client_that_leaves_in_the_middle(stage: Stage, how: str, size: int) -> None:
    """No provider hears of it."""
    asked = len(stage.first.requests)
    with connected(stage.gateway.url) as wire:
        wire.send(post(form(size), KIND, path=PATH)[:-500])
        getattr(wire, how)()
    answer = upload(stage, form())

    assert answer.status == 200
    assert len(stage.first.requests) == asked + 1


@pytest.mark.conformance(operation="audio/transcriptions", provider="OpenAI", aspect="cancel")
def test_a_client_that_leaves_while_its_upload_goes_out(stage: Stage) -> None:
    """The provider's connection is closed at once."""
    stage.odd.way = odd_upstream.is_slow
    with connected(stage.gateway.url) as wire:
        wire.send(post(form(SLOW_MODEL_BYTES, b"odd"), KIND, path=PATH))
        assert within(5.0, lambda: any(taking.taken_bytes > PIECE for taking in stage.odd.takings))
    [taking] = stage.odd.takings
    settled = stage.settled(2)[-1]

    assert settled["outcome"] == "aborted"
    assert taking.taken_bytes < SLOW_MODEL_BYTES


@pytest.mark.parametrize("size", [PIECE, 3_000_000])
def test_an_upstream_that_refuses_early(stage: Stage, size: int) -> None:
    """Its refusal arrives although it takes no more of the body; the rest is not sent."""
    stage.odd.way = odd_upstream.refuses_early
    answer = upload(stage, form(size, b"odd"))

    assert (answer.status, answer.error["message"]) == (413, "Too large.")


def test_an_upstream_that_resets_in_the_middle(stage: Stage) -> None:
    """Alone it is a 502; with another deployment that one gets the whole body."""
    stage.odd.way = odd_upstream.resets
    alone = upload(stage, form(3_000_000, b"odd"))
    answers = [upload(stage, form(3_000_000, b"odd-pair")) for _ in range(2)]

    assert (alone.status, alone.error["code"]) == (502, "upstream_connection_lost")
    for answer in answers:
        assert json.loads(answer.body)["text"] == transcript(b"x" * 3_000_000)
    assert len(stage.odd.takings) >= 2


def test_an_upstream_that_never_reads(stage: Stage) -> None:
    """Silence while a body goes out has the same limit as before an answer."""
    stage.odd.way = odd_upstream.never_reads
    answer = upload(stage, form(SLOW_MODEL_BYTES, b"odd-once"))

    assert (answer.status, answer.error["code"]) == (504, "upstream_first_token_timeout")


def test_slow_upstreams_do_not_fill_the_memory(stage: Stage) -> None:
    """What a provider does not take yet stays on disk."""
    stage.odd.way = odd_upstream.is_slow
    process_id = stage.gateway.process.pid
    before = resident_bytes(process_id)
    request = post(form(SLOW_MODEL_BYTES, b"odd"), KIND, path=PATH)
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda: answers.append(exchange(stage.gateway.url, request)))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    within(5.0, lambda: sum(taking.taken_bytes > 0 for taking in stage.odd.takings) == 12)
    grown = resident_bytes(process_id) - before
    for thread in threads:
        thread.join(60)

    assert [answer.status for answer in answers] == [200] * 12
    assert grown < GROWTH_BYTES, f"the server grew by {grown >> 20} MiB"
