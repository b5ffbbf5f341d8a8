"""Answers for the same question, as openai-python and plain requests see them."""

import itertools
import time
from typing import Any

import openai
import pytest

from tests import exposition
from tests.api.admin.administrator import ADMIN_KEY, HELLO
from tests.api.asking import ask, bearer
from tests.api.cache.conftest import HELD_BYTES, STATUS, Stage
from tests.simulators.faults import FaultKind

ON = {"x-llmproxy-cache": "on"}
numbers = itertools.count()


def _new() -> list[dict[str, Any]]:
    """Messages that no other test has sent."""
    return [{"role": "user", "content": f"question {next(numbers)}"}]


def _ask(
    client: openai.OpenAI,
    model: str,
    messages: list[dict[str, Any]],
    **further: Any,  # noqa: ANN401
) -> tuple[str, dict[str, str]]:
    """What is said, and the headers."""
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=messages,
        **further,  # type: ignore[arg-type]
    )
    said = raw.parse().choices[0].message.content
    return said or "", dict(raw.headers)


def test_the_same_bytes_again_and_again(stage: Stage) -> None:
    """Whoever sends them, and with whichever headers: what was read of them before decides nothing.

    Another project asks the provider; the last word on the cache is each request's.
    """
    body = {"model": "kept", "messages": _new()}
    said = [stage.post("/v1/chat/completions", body).headers[STATUS] for _ in range(4)]
    assert said == ["miss", "hit", "hit", "hit"]
    assert stage.post("/v1/chat/completions", body, stage.beta).headers[STATUS] == "miss"
    for wanted, status in (("refresh", "refresh"), ("off", "bypass"), ("on", "hit")):
        answer = stage.post("/v1/chat/completions", body, x_llmproxy_cache=wanted)
        assert answer.headers[STATUS] == status
    assert len(stage.upstream.requests) == 4
    wrong = stage.post("/v1/chat/completions", body, "sk-wrong")
    assert wrong.status == 401


def test_a_model_that_keeps_answers(stage: Stage, client: openai.OpenAI) -> None:
    """The second answer is the first one again: the same id, no cost, no call of the provider."""
    body = {"model": "kept", "messages": _new()}
    first = stage.post("/v1/chat/completions", body)
    second = stage.post("/v1/chat/completions", body)

    assert (first.headers[STATUS], second.headers[STATUS]) == ("miss", "hit")
    assert first.body == second.body
    assert int(second.headers["age"]) >= 0
    assert "age" not in first.headers
    assert second.headers["x-llmproxy-cost"] == "0.000000000"
    assert float(first.headers["x-llmproxy-cost"]) > 0
    assert second.headers["x-llmproxy-deployment"] == "kept"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert "x-llmproxy-upstream-request-id" in first.headers
    assert "x-llmproxy-upstream-request-id" not in second.headers
    assert "x-ratelimit-remaining-requests" not in second.headers
    assert second.headers["content-type"] == first.headers["content-type"]
    assert len(stage.upstream.requests) == 1
    rows = stage.rows(2)
    assert [row["outcome"] for row in rows] == ["finished", "cached"]
    assert rows[1]["cost_nano"] == 0
    said, headers = _ask(client, "kept", body["messages"], user="somebody-else")  # type: ignore[arg-type]
    assert said
    assert headers[STATUS] == "hit"


def test_off_unless_asked_for(stage: Stage, client: openai.OpenAI) -> None:
    """Without either the document or the header there is no trace of a cache."""
    messages = _new()
    for _ in range(2):
        _, headers = _ask(client, "plain", messages)
        assert STATUS not in headers
    assert len(stage.upstream.requests) == 2


def test_a_request_may_ask(client: openai.OpenAI) -> None:
    """`on` keeps and looks; `off` at a model that keeps passes the cache by."""
    messages = _new()
    seen = [_ask(client, "plain", messages, extra_headers=ON)[1][STATUS] for _ in range(2)]
    assert seen == ["miss", "hit"]
    messages = _new()
    off = {"x-llmproxy-cache": "off"}
    seen = [_ask(client, "kept", messages, extra_headers=off)[1][STATUS] for _ in range(2)]
    assert seen == ["bypass", "bypass"]


def test_refresh(stage: Stage, client: openai.OpenAI) -> None:
    """The provider is asked in any case, and the new answer is the one that is kept."""
    messages = _new()
    refresh = {"x-llmproxy-cache": "refresh"}
    seen = [
        _ask(client, "kept", messages, extra_headers=headers)[1][STATUS]
        for headers in ({}, refresh, {})
    ]
    assert seen == ["miss", "refresh", "hit"]
    assert len(stage.upstream.requests) == 2


def test_its_time_ends(client: openai.OpenAI) -> None:
    """By the document, or by the request."""
    messages = _new()
    second = {"extra_headers": ON | {"x-llmproxy-cache-ttl": "1"}}
    ways: tuple[tuple[str, dict[str, Any]], ...] = (("brief", {}), ("plain", second))
    for model, how in ways:
        assert _ask(client, model, messages, **how)[1][STATUS] == "miss"
        assert _ask(client, model, messages, **how)[1][STATUS] == "hit"
    time.sleep(1.1)
    for model, how in ways:
        assert _ask(client, model, messages, **how)[1][STATUS] == "miss"


def test_projects(stage: Stage) -> None:
    """Keys of one project share; another project asks for itself."""
    messages = _new()
    seen = []
    for key in (stage.alpha, stage.beta, stage.other_alpha, stage.beta):
        with stage.client(key) as client:
            seen.append(_ask(client, "kept", messages)[1][STATUS])
    assert seen == ["miss", "miss", "hit", "hit"]


@pytest.mark.parametrize(
    ("header", "value"),
    [("x-llmproxy-cache", "yes"), ("x-llmproxy-cache-ttl", "soon")],
)
def test_headers_that_make_no_sense(stage: Stage, header: str, value: str) -> None:
    """A 400 that names the header."""
    body = {"model": "kept", "messages": HELLO}
    answer = stage.post("/v1/chat/completions", body, **{header.replace("-", "_"): value})
    assert (answer.status, answer.error["param"]) == (400, header)


def test_failures_are_not_kept(stage: Stage, client: openai.OpenAI) -> None:
    """The next one asks the provider."""
    messages = _new()
    stage.upstream.fail_next(FaultKind.STATUS, status=503)
    with pytest.raises(openai.APIStatusError):
        _ask(client, "kept", messages)
    assert _ask(client, "kept", messages)[1][STATUS] == "miss"
    assert _ask(client, "kept", messages)[1][STATUS] == "hit"
    assert stage.outcomes(3) == ["cached", "failed", "finished"]


def test_large_answers_are_not_kept(client: openai.OpenAI) -> None:
    """Those of more than CACHE_MAX_ENTRY_BYTES."""
    messages = [{"role": "user", "content": "x" * (HELD_BYTES + 100)}]
    seen = [_ask(client, "kept", messages)[1][STATUS] for _ in range(2)]
    assert seen == ["miss", "miss"]


def test_another_question(client: openai.OpenAI) -> None:
    """All that can reach the answer belongs to it."""
    messages = _new()
    _ask(client, "kept", messages)
    assert _ask(client, "kept", messages, temperature=0.5)[1][STATUS] == "miss"
    assert _ask(client, "kept", messages, seed=7)[1][STATUS] == "miss"
    assert _ask(client, "kept", messages, temperature=0.5)[1][STATUS] == "hit"
    assert _ask(client, "kept", messages, store=True)[1][STATUS] == "bypass"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("embeddings", {"model": "embedder", "input": "hello"}),
        ("completions", {"model": "instruct", "prompt": "hello"}),
        ("moderations", {"model": "moderator", "input": "hello"}),
        ("images/generations", {"model": "painter", "prompt": "an otter", "size": "1024x1024"}),
        ("responses", {"model": "thinker", "input": "hello there"}),
        ("audio/speech", {"model": "speaker", "input": "hello", "voice": "alloy"}),
    ],
)
def test_every_operation(stage: Stage, path: str, body: dict[str, Any]) -> None:
    """The same bytes again, of JSON and of speech."""
    first = stage.post(f"/v1/{path}", body)
    second = stage.post(f"/v1/{path}", body)
    assert (first.status, second.status) == (200, 200), first.body
    assert (first.headers[STATUS], second.headers[STATUS]) == ("miss", "hit")
    assert first.body == second.body
    assert first.headers["content-type"] == second.headers["content-type"]
    assert len(stage.upstream.requests) == 1
    assert stage.outcomes(2) == ["cached", "finished"]


def test_figures(stage: Stage, client: openai.OpenAI) -> None:
    """/metrics tells hits, misses and what is held."""
    messages = _new()
    for _ in range(2):
        _ask(client, "kept", messages)
    answer = ask(stage.gateway.url, "/metrics", headers=bearer(ADMIN_KEY))
    figures = exposition.figures(answer.body.decode(), "llmproxy_cache_")
    assert figures["requests_hit"] >= 1
    assert figures["requests_miss"] >= 1
    assert figures["entries"] >= 1
    assert figures["bytes"] > 0
