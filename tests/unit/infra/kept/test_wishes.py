"""What a request says of kept answers, and what its model's document does."""

from typing import Any

import pytest

from llmproxy.application.interfaces.response_cache import Form, Shape
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.replayed.question import Use, Wish
from llmproxy.domain.errors import InvalidRequest, UnknownModel
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.controllers.openai.wishes import Wishes, refuse_repeats
from tests.fakes.calls import chat_call
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import deployment

ON = {b"x-llmproxy-cache": b"on"}
BODY = {"messages": [{"role": "user", "content": "hi"}]}


def _wishes(*documents: dict[str, object], caches: bool = True, binary: bool = False) -> Wishes:
    registry = Registry(FakeClock())
    operations = ["ChatCompletion", "Responses", "embeddings", "images"]
    registry.install(
        Snapshot(
            tuple(
                deployment(None, code="shown", id=f"m-{number}", operations=operations, **each)
                for number, each in enumerate(documents or ({},))
            )
        )
    )
    return Wishes(registry, caches=caches, binary=binary)


def _read(
    headers: dict[bytes, bytes],
    body: dict[str, Any] | None = None,
    *documents: dict[str, object],
    endpoint: Endpoint = Endpoint.CHAT_COMPLETIONS,
) -> Wish | None:
    call = chat_call(BODY | (body or {}), endpoint)
    return _wishes(*documents).read(headers, call)


def _wish(headers: dict[bytes, bytes], body: dict[str, Any] | None = None, **more: Any) -> Wish:  # noqa: ANN401
    wish = _read(headers, body, **more)
    assert wish is not None
    return wish


def test_most_wish_for_nothing() -> None:
    """Then a call goes the plain way, and no more is looked at."""
    assert _read({}) is None
    assert _read({b"x-llmproxy-cache": b"off"}) is None
    assert _read({b"x-llmproxy-cache-ttl": b"60"}) is None


@pytest.mark.parametrize(
    ("said", "document", "use"),
    [
        (None, {"cache": True}, Use.ON),
        (b"on", {}, Use.ON),
        (b" ON ", {}, Use.ON),
        (b"refresh", {}, Use.REFRESH),
        (b"off", {"cache": True}, Use.BYPASS),
        (b"refresh", {"cache": True}, Use.REFRESH),
    ],
)
def test_request_and_document(said: bytes | None, document: dict[str, object], use: Use) -> None:
    """The request has the last word."""
    headers = {} if said is None else {b"x-llmproxy-cache": said}
    wish = _read(headers, None, document)
    assert wish is not None
    assert wish.use is use


@pytest.mark.parametrize(
    ("said", "documents", "ttl_s"),
    [
        (None, ({},), 900.0),
        (None, ({"cache": {"ttl_s": 60}},), 60.0),
        (b"5", ({"cache": {"ttl_s": 60}},), 5.0),
        (b"2592000", ({},), 2_592_000.0),
        (None, ({"cache": {"ttl_s": 60}}, {"cache": {"ttl_s": 30}}, {}), 30.0),
    ],
)
def test_how_long(
    said: bytes | None, documents: tuple[dict[str, object], ...], ttl_s: float
) -> None:
    """The request's own time, else the shortest of the documents, else 15 minutes."""
    headers = ON if said is None else {**ON, b"x-llmproxy-cache-ttl": said}
    wish = _read(headers, None, *documents)
    assert wish is not None
    assert wish.ttl_s == ttl_s


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({b"x-llmproxy-cache": b"yes"}, "x-llmproxy-cache"),
        ({b"x-llmproxy-cache": b""}, "x-llmproxy-cache"),
        ({**ON, b"x-llmproxy-cache-ttl": b"0"}, "x-llmproxy-cache-ttl"),
        ({**ON, b"x-llmproxy-cache-ttl": b"1.5"}, "x-llmproxy-cache-ttl"),
        ({**ON, b"x-llmproxy-cache-ttl": b"-1"}, "x-llmproxy-cache-ttl"),
        ({**ON, b"x-llmproxy-cache-ttl": b"2592001"}, "x-llmproxy-cache-ttl"),
        ({**ON, b"x-llmproxy-cache-ttl": b"9" * 5000}, "x-llmproxy-cache-ttl"),
        ({b"x-llmproxy-cache": b"off", b"x-llmproxy-cache-ttl": b"0"}, "x-llmproxy-cache-ttl"),
        ({b"idempotency-key": b""}, "Idempotency-Key"),
        ({b"idempotency-key": b"k" * 256}, "Idempotency-Key"),
    ],
)
def test_values_that_make_no_sense_are_refused(headers: dict[bytes, bytes], name: str) -> None:
    """Naming the header."""
    with pytest.raises(InvalidRequest) as caught:
        _read(headers)
    assert caught.value.param == name


@pytest.mark.parametrize(
    ("body", "endpoint"),
    [
        ({"store": True}, Endpoint.CHAT_COMPLETIONS),
        ({}, Endpoint.IMAGES_EDITS),
        ({}, Endpoint.RESPONSES_COMPACT),
    ],
)
def test_what_is_never_kept(body: dict[str, Any], endpoint: Endpoint) -> None:
    """What is to be stored each time, and what names something that may be another by now."""
    assert _wish(ON, body, endpoint=endpoint).use is Use.BYPASS


def test_in_the_background() -> None:
    """A response that is still being made is no answer yet."""
    call = chat_call(BODY, Endpoint.RESPONSES)
    call.background = True
    wish = _wishes().read(ON, call)
    assert wish is not None
    assert wish.use is Use.BYPASS


def test_without_any_cache() -> None:
    """CACHE_MAX_BYTES=0: the head of the answer says so."""
    wish = _wishes({"cache": True}, caches=False).read({}, chat_call(BODY))
    assert wish is not None
    assert wish.use is Use.BYPASS


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({"stream": True}, True),
        ({"stream": True, "stream_options": {"include_usage": True}}, True),
        ({"user": "u"}, True),
        ({"safety_identifier": "u"}, True),
        ({"prompt_cache_key": "k"}, True),
        ({"temperature": 0}, False),
        ({"seed": 1}, False),
        ({"metadata": {"a": "b"}}, False),
        ({"unheard_of": 1}, False),
        ({"messages": [{"content": "hi", "role": "user"}]}, True),
        ({"messages": [{"role": "user", "content": "Hi"}]}, False),
    ],
)
def test_what_belongs_to_a_question(change: dict[str, Any], same: bool) -> None:  # noqa: FBT001
    """All but what cannot reach the answer."""
    assert (_wish(ON, change).question == _wish(ON).question) is same


def test_a_response_repeats_who_asked() -> None:
    """There the end user's name belongs to the question; how it comes does not."""
    plain = _wish(ON, endpoint=Endpoint.RESPONSES).question
    assert _wish(ON, {"user": "u"}, endpoint=Endpoint.RESPONSES).question != plain
    assert _wish(ON, {"stream": True}, endpoint=Endpoint.RESPONSES).question == plain


@pytest.mark.parametrize(
    ("body", "shape"),
    [
        ({}, Shape(Form.WHOLE)),
        ({"stream": True}, Shape(Form.EVENTS)),
        ({"stream": True, "stream_options": {"include_usage": False}}, Shape(Form.EVENTS)),
        ({"stream": True, "stream_options": None}, Shape(Form.EVENTS)),
        (
            {"stream": True, "stream_options": {"include_usage": True}},
            Shape(Form.EVENTS, b'{"include_usage":true}'),
        ),
    ],
)
def test_shapes(body: dict[str, Any], shape: Shape) -> None:
    """In one piece, or in events with or without usage."""
    assert _wish(ON, body).shape == shape


def test_a_question_that_is_known() -> None:
    """It is taken as it is where a cache is used, and nowhere else."""
    wishes, call = _wishes(), chat_call(BODY)
    known = wishes.read(ON, call, b"known")
    assert known is not None
    assert known.question == b"known"
    passed_by = _wishes({"cache": True}).read({b"x-llmproxy-cache": b"off"}, call, b"known")
    assert passed_by is not None
    assert (passed_by.use, passed_by.question) == (Use.BYPASS, b"")


def test_a_document_that_changes() -> None:
    """What its name was known for holds for one snapshot."""
    wishes, call = _wishes(), chat_call(BODY)
    assert wishes.read({}, call) is None
    cached = deployment(None, code="shown", id="m-0", cache=True)
    wishes._registry.install(Snapshot((cached,)))
    assert wishes.read({}, call) is not None
    wishes._registry.install(Snapshot((deployment(None, code="shown", id="m-0"),)))
    assert wishes.read({}, call) is None


def test_bytes() -> None:
    """Speech that is not asked for in events."""
    wish = _wishes(binary=True).read(ON, chat_call(BODY))
    assert wish is not None
    assert wish.shape == Shape(Form.BYTES)


def test_a_key_needs_no_cache() -> None:
    """Its fingerprint is of the whole request: also of how the answer is to come."""
    headers = {b"idempotency-key": b"order-7"}
    wish = _wish(headers)
    assert (wish.use, wish.repeat_key, wish.question) == (Use.NONE, b"order-7", b"")
    assert wish.fingerprint == _wish(headers, {"messages": BODY["messages"]}).fingerprint
    assert wish.fingerprint != _wish(headers, {"stream": True}).fingerprint
    assert wish.fingerprint != _wish(headers, {"user": "u"}).fingerprint
    both = _wish({**headers, **ON})
    assert (both.use, both.repeat_key) == (Use.ON, b"order-7")


def test_who_may_not_use_the_model() -> None:
    """Is told so, as without these headers."""
    call = chat_call(BODY)
    call.model = "unknown"
    with pytest.raises(UnknownModel):
        _wishes().read({}, call)


def test_forms_take_no_key() -> None:
    """Their bytes differ from one sending to the next."""
    refuse_repeats({})
    with pytest.raises(InvalidRequest) as caught:
        refuse_repeats({b"idempotency-key": b"k"})
    assert caught.value.param == "Idempotency-Key"
