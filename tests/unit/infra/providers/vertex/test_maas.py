"""Open models on Vertex's own endpoint of OpenAI's wire: names, fields, roles."""

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise

import pytest

from llmproxy.domain.operation import Endpoint
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.vertex.maas import PUBLISHERS, MaasEvents, vertex_maas
from tests.fakes.calls import chat_call, google_model
from tests.fakes.stream_reader import Read, Upstream, read_events


@pytest.mark.parametrize(("model_type", "publisher"), PUBLISHERS.items())
@pytest.mark.parametrize("written", ["m-maas", "{}/m-maas", "publishers/{}/models/m-maas"])
def test_the_publisher_stands_before_the_model_once(
    model_type: str, publisher: str, written: str
) -> None:
    """However an operator writes it."""
    site = vertex_maas(google_model(model_type, written.format(publisher)), None)

    assert site.model == f"{publisher}/m-maas"
    assert site.url(Endpoint.CHAT_COMPLETIONS) == (
        "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1"
        "/endpoints/openapi/chat/completions"
    )
    assert site.url(Endpoint.EMBEDDINGS) is None


def test_another_publisher_is_left_as_it_is() -> None:
    """New makers appear faster than model types."""
    site = vertex_maas(google_model("GoogleVertexQwen", "moonshotai/kimi-k2-maas"), None)

    assert site.model == "moonshotai/kimi-k2-maas"


def test_a_place_is_needed() -> None:
    """A token goes nowhere without a location that was checked."""
    with pytest.raises(Incomplete, match="location"):
        vertex_maas(google_model("GoogleVertexMeta", "m", location="evil.example/"), None)


def test_the_newer_name_of_a_field_becomes_the_older() -> None:
    """The wire knows `max_tokens`; whether both may be set is for the provider to judge."""
    accent = vertex_maas(google_model("GoogleVertexMeta", "m"), None).accent
    newer, both = {"max_completion_tokens": 5}, {"max_completion_tokens": 5, "max_tokens": 6}
    changes: dict[str, bytes] = {}

    assert list(accent.rename(chat_call({"messages": [], **newer}), changes)) == [
        "max_completion_tokens"
    ]
    assert changes == {"max_tokens": b"5"}
    assert list(accent.rename(chat_call({"messages": [], **both}), {})) == []


def test_developers_speak_as_the_system() -> None:
    """But for gpt-oss, which knows the role; other bytes of the messages stay."""
    call = chat_call({"messages": [{"role": "developer", "content": "a"}, {"role": "user"}]})
    changes: dict[str, bytes] = {}
    vertex_maas(google_model("GoogleVertexQwen", "m"), None).accent.rename(call, changes)
    kept: dict[str, bytes] = {}
    vertex_maas(google_model("GoogleVertexOpenAI", "m"), None).accent.rename(call, kept)

    assert json.loads(changes["messages"]) == [
        {"role": "system", "content": "a"},
        {"role": "user"},
    ]
    assert kept == {}


def _chunk(delta: str, finish: str = "null", index: int = 0) -> bytes:
    choice = f'{{"index":{index},"delta":{delta},"finish_reason":{finish}}}'
    return f'data: {{"id":"u1","choices":[{choice}]}}\n\n'.encode()


def _read(pieces: Sequence[bytes], choices: int = 1) -> Read:
    return asyncio.run(
        read_events(
            Upstream(pieces=pieces),
            lambda exchange, again: MaasEvents(exchange, again, hide_usage=True, choices=choices),
            True,  # noqa: FBT003
        )
    )


def test_a_missing_role_is_put_in_once() -> None:
    """The first chunk of each choice gets it; every other byte stays, however they are cut."""
    first = _chunk('{"content":"1E400 \\u00e9"}')
    rest = [_chunk('{"content":"b"}', index=1), _chunk('{"content":"c"}'), _chunk("{}", '"stop"')]
    whole = b"".join([first, *rest])
    for cut in range(1, len(whole), 13):
        read = _read([whole[a:b] for a, b in pairwise((0, cut, len(whole)))], choices=2)
        expected = [
            first.replace(b'{"content"', b'{"role":"assistant","content"'),
            rest[0].replace(b'{"content"', b'{"role":"assistant","content"'),
            *rest[1:],
        ]
        assert (read.data, read.error) == (b"".join(expected), None)


def test_a_role_that_is_there_stays() -> None:
    """The bytes pass untouched."""
    whole = _chunk('{"role": "assistant", "content": ""}') + _chunk('{"content":"a"}', '"stop"')

    assert _read([whole]).data == whole


def test_role_and_end_in_one_chunk() -> None:
    """An empty answer of a Llama's is one chunk, and complete."""
    whole = _chunk('{"role":"assistant"}', '"stop"') + b"data: [DONE]\n\n"
    read = _read([whole])

    assert (read.data, read.error) == (_chunk('{"role":"assistant"}', '"stop"'), None)
