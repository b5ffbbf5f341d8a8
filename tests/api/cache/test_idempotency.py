"""`Idempotency-Key` on a real server: SDKs do not send it by themselves, callers add it."""

import asyncio
import itertools
import json
from typing import Any

import openai
import pytest

from tests.api.cache.conftest import Stage
from tests.api.raw import exchange, post
from tests.simulators.faults import FaultKind

REPLAY = "x-llmproxy-idempotent-replay"
SOUND = ("a.mp3", bytes(5000))
CHAT = "/v1/chat/completions"
numbers = itertools.count()


def _fresh() -> tuple[dict[str, Any], str]:
    """A request, and a key that no other test has used."""
    number = next(numbers)
    body = {"model": "plain", "messages": [{"role": "user", "content": f"order {number}"}]}
    return body, f"key-{number}"


def test_the_first_answer_again(stage: Stage) -> None:
    """The same bytes with status 200, a mark, and a row that costs nothing."""
    body, key = _fresh()
    first = stage.post(CHAT, body, idempotency_key=key)
    second = stage.post(CHAT, body, idempotency_key=key)
    assert (first.status, second.status) == (200, 200)
    assert REPLAY not in first.headers
    assert second.headers[REPLAY] == "true"
    assert first.body == second.body
    assert second.headers["x-llmproxy-cost"] == "0.000000000"
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(2) == ["cached", "finished"]


def test_white_space_and_order_do_not_matter(stage: Stage) -> None:
    """It is the same request when it says the same."""
    body, key = _fresh()
    stage.post(CHAT, body, idempotency_key=key)
    turned = dict(reversed(body.items()))
    assert stage.post(CHAT, turned, idempotency_key=key).headers[REPLAY] == "true"
    spaced = json.dumps(turned, indent=3).encode()
    lines = (f"authorization: Bearer {stage.alpha}", f"idempotency-key: {key}")
    again = exchange(stage.gateway.url, post(spaced, *(line.encode() for line in lines)))
    assert (again.status, again.header(REPLAY)) == (200, "true")
    assert len(stage.upstream.requests) == 1


def test_another_body(stage: Stage) -> None:
    """A 422 in OpenAI's envelope, which SDKs do not retry."""
    body, key = _fresh()
    stage.post(CHAT, body, idempotency_key=key)
    answer = stage.post(CHAT, body | {"temperature": 0}, idempotency_key=key)
    assert answer.status == 422
    error = answer.error
    assert (error["type"], error["code"], error["param"]) == (
        "invalid_request_error",
        "idempotency_key_reused",
        "Idempotency-Key",
    )
    assert answer.headers["x-should-retry"] == "false"
    assert len(stage.upstream.requests) == 1


def test_streams(stage: Stage, client: openai.OpenAI) -> None:
    """The same events again."""
    body, key = _fresh()
    headers = {"Idempotency-Key": key}
    first, second = (
        client.chat.completions.with_raw_response.create(**body, stream=True, extra_headers=headers)
        for _ in range(2)
    )
    assert [each.to_dict() for each in first.parse()] == [each.to_dict() for each in second.parse()]
    assert second.headers[REPLAY] == "true"
    assert len(stage.upstream.requests) == 1


def test_failures_are_not_kept(stage: Stage) -> None:
    """The same key may be tried again: that is what it is for."""
    body, key = _fresh()
    stage.upstream.fail_next(FaultKind.STATUS, status=503)
    assert stage.post(CHAT, body, idempotency_key=key).status >= 500
    retried = stage.post(CHAT, body, idempotency_key=key)
    assert (retried.status, retried.headers.get(REPLAY)) == (200, None)
    assert stage.post(CHAT, body, idempotency_key=key).headers[REPLAY] == "true"


def test_whose_key(stage: Stage) -> None:
    """API keys and endpoints do not share it."""
    body, key = _fresh()
    stage.post(CHAT, body, idempotency_key=key)
    assert REPLAY not in stage.post(CHAT, body, stage.other_alpha, idempotency_key=key).headers
    embedded = {"model": "embedder", "input": "x"}
    assert stage.post("/v1/embeddings", embedded, idempotency_key=key).status == 200


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_keys_that_are_none(stage: Stage, key: str) -> None:
    """A 400 that names the header."""
    body, _ = _fresh()
    answer = stage.post(CHAT, body, idempotency_key=key)
    assert (answer.status, answer.error["param"]) == (400, "Idempotency-Key")


def test_files(stage: Stage, client: openai.OpenAI) -> None:
    """Requests with files are refused with one, and served without."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(
            model="hearer", file=SOUND, extra_headers={"Idempotency-Key": "k"}
        )
    assert caught.value.param == "Idempotency-Key"
    assert stage.upstream.requests == []
    assert client.audio.transcriptions.create(model="hearer", file=SOUND).text


@pytest.mark.asyncio
async def test_while_the_first_is_running(stage: Stage) -> None:
    """The repeat waits for its answer; another body is refused at once."""
    body, key = _fresh()
    stage.upstream.fail_next(FaultKind.TIMING, delay_ms=700)
    headers = {"Idempotency-Key": key}
    async with stage.async_client() as client:
        create = client.chat.completions.with_raw_response.create
        first = asyncio.create_task(create(**body, extra_headers=headers))
        await stage.asked()
        second = asyncio.create_task(create(**body, extra_headers=headers))
        with pytest.raises(openai.UnprocessableEntityError):
            await create(**body, seed=1, extra_headers=headers)
        answers = await asyncio.gather(first, second)
    assert answers[0].content == answers[1].content
    assert [REPLAY in each.headers for each in answers] == [False, True]
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(2) == ["cached", "finished"]


@pytest.mark.asyncio
async def test_after_a_lost_connection(stage: Stage) -> None:
    """Whoever was cut off while another waits gets the same answer by asking again."""
    body, key = _fresh()
    stage.upstream.fail_next(FaultKind.TIMING, delay_ms=700)
    headers = {"Idempotency-Key": key}
    async with stage.async_client() as one, stage.async_client() as two:
        first = asyncio.create_task(one.chat.completions.create(**body, extra_headers=headers))
        await stage.asked()
        again = asyncio.create_task(two.chat.completions.create(**body, extra_headers=headers))
        await asyncio.sleep(0.2)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert (await again).choices
    assert len(stage.upstream.requests) == 1
