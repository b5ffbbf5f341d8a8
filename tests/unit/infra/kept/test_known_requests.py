"""What the desk made of a request is used for the same bytes, within bounds."""

import tracemalloc

from llmproxy.infra.controllers.openai.chat_request import chat_request
from llmproxy.infra.controllers.openai.known_requests import (
    ENTRY_BYTES,
    MAX_FIELDS,
    MAX_REQUEST_BYTES,
    KnownRequests,
)


def _raw(text: str) -> bytes:
    return b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % text.encode()


def test_the_same_bytes() -> None:
    """They are known once they were added, and no others are."""
    known = KnownRequests()
    raw = _raw("hi")
    assert known.get(raw) is None
    asked = chat_request(raw)
    known.add(raw, asked, b"what?")
    known.add(raw, chat_request(raw), b"other?")
    found = known.get(bytes(bytearray(raw)))
    assert found is not None
    assert found.asked is asked
    assert found.question == b"what?"
    assert known.get(_raw("ho")) is None


def test_large_ones_are_not_looked_at() -> None:
    """To hash their bytes would cost those who never ask again."""
    known = KnownRequests()
    known.add(_raw("hi"), chat_request(_raw("hi")), b"what?")
    raw = _raw("x" * MAX_REQUEST_BYTES)
    known.add(raw, chat_request(raw), b"large?")
    assert known.get(raw) is None


def test_what_they_take() -> None:
    """No more than is counted for them, however small they are."""
    raws = [_raw(f"{number:04}") for number in range(1000)]
    known = KnownRequests()
    tracemalloc.start()
    try:
        for raw in raws:
            known.add(raw, chat_request(raw), bytes(bytearray(32)))
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert known.get(raws[0]) is not None
    assert taken < 1000 * ENTRY_BYTES


def test_many_fields() -> None:
    """What is made of them would take many times their bytes."""
    known = KnownRequests()
    for number, kept in ((MAX_FIELDS, True), (MAX_FIELDS + 1, False)):
        more = b"".join([b',"f%d":1' % each for each in range(number - 2)])
        raw = _raw("hi")[:-1] + more + b"}"
        known.add(raw, chat_request(raw), b"what?")
        assert (known.get(raw) is not None) is kept


def test_they_are_bounded() -> None:
    """In bytes, with those of what is made of them: when there is no room it begins anew."""
    raws = [_raw(str(number)) for number in range(10, 15)]
    known = KnownRequests(max_bytes=3 * (len(raws[0]) + ENTRY_BYTES))
    for raw in raws:
        known.add(raw, chat_request(raw), b"what?")
    assert [known.get(raw) is not None for raw in raws] == [False, False, False, True, True]
