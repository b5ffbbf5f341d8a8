"""`concurrent_requests` of every scope, and calls that are larger than a whole limit."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import openai
import pytest

from tests.api.asking import Answer, within
from tests.api.limits.stage import CHAT, Stage
from tests.api.raw import Wire, connected, post

SCOPES = ("key", "project", "model", "deployment")
FEW = {"concurrent_requests": 2}
LARGE = {
    "requests_per_day": 0,
    "requests_total": 0,
    "tokens_per_minute": 20,
    "tokens_per_month": 20,
    "cost_per_minute": 0.001,
    "cost_per_month": 0.001,
    "cost_total": 0.001,
    "concurrent_requests": 0,
}


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    rights: dict[str, dict[str, object]] = {
        f"large-{field}": {"limits": {field: most}} for field, most in LARGE.items()
    }
    whole_stage.hand_out(
        few={"limits": FEW},
        left={"limits": FEW},
        team={"project_limits": FEW},
        anybody={},
        empty={"limits": {"cost_total": 0}},
        **rights,
    )


def of(scope: str) -> tuple[str, str]:
    """The key and the model of calls that this scope limits."""
    names = {"key": "few", "project": "team"}
    if scope in names:
        return names[scope], "counted"
    return "anybody", f"{scope}-concurrent"


@contextmanager
def two_running(stage: Stage, name: str, model: str) -> Iterator[list[Future[Answer]]]:
    """Two calls, one streamed, that the provider has and does not answer yet."""
    stage.upstream.fail_next("timing", times=2, delay_ms=500)
    with ThreadPoolExecutor() as pool:
        running = [pool.submit(stage.chat, name, model, stream=s) for s in (False, True)]
        assert within(5, lambda: len(stage.upstream.requests) == 2)
        yield running


@pytest.mark.parametrize("scope", SCOPES)
def test_two_at_once(stage: Stage, scope: str) -> None:
    """A third is told to come again in a second; when they have ended there is room."""
    name, model = of(scope)
    with two_running(stage, name, model) as running:
        refusal = stage.chat(name, model)
        assert [each.result().status for each in running] == [200, 200]
    assert (refusal.status, refusal.error["code"]) == (429, "rate_limit_exceeded")
    assert refusal.error["type"] == "rate_limit_error"
    assert refusal.headers["retry-after-ms"] == "1000"
    assert refusal.headers["x-should-retry"] == "true"
    where = {
        "key": f" with key `{stage.keys[name].id}`",
        "project": f" in project `{name}`",
        "model": "",
        "deployment": f" at its deployment `{model}`",
    }[scope]
    running_words = "Running 2, " if scope in {"key", "project"} else ""
    assert refusal.error["message"] == (
        f"Rate limit reached for `{model}`{where} on concurrent requests: Limit 2, "
        f"{running_words}Requested 1. Please try again in 1s. "
        f"The limit is `concurrent_requests` of the {scope}."
    )
    assert len(stage.upstream.requests) == 2
    assert stage.chat(name, model).status == 200


def test_the_sdk_waits_and_gets_in(stage: Stage) -> None:
    """With its own retries nobody notices."""
    with two_running(stage, "few", "counted"), stage.client("few", max_retries=3) as client:
        raw = client.chat.completions.with_raw_response.create(
            model="counted", messages=[{"role": "user", "content": "count to 3"}], max_tokens=3
        )
    assert raw.retries_taken >= 1
    assert raw.parse().choices[0].message.content == "1 2 3"


def begun(stage: Stage, wire: Wire) -> None:
    """Ask for a stream, and see it begin."""
    key = b"authorization: Bearer " + stage.keys["left"].key.encode()
    body = b'{"model":"counted","messages":[{"role":"user","content":"count to 9"}],"stream":true}'
    wire.send(post(body, key))
    assert wire.head()[0] == 200
    assert wire.line()


def test_a_client_that_leaves_gives_its_place_back(stage: Stage) -> None:
    """In the middle of a stream, and before anything has come."""
    stage.upstream.fail_next("hang_mid_stream", times=2, after_events=2)
    with connected(stage.gateway.url) as one, connected(stage.gateway.url) as two:
        begun(stage, one)
        begun(stage, two)
        assert stage.chat("left", "counted").status == 429
        one.reset()
        assert within(5, lambda: stage.chat("left", "counted").status == 200)
        two.reset()
    assert within(5, lambda: stage.limits("left")["key concurrent_requests"]["used"] == 0)


def test_larger_than_the_whole_limit(stage: Stage) -> None:
    """Waiting does not help: the SDK asks once for each, and is told what is too large."""
    before = stage.requests_in_log(f" 429 POST {CHAT}")
    for field in LARGE:
        with (
            stage.client(f"large-{field}", max_retries=3) as client,
            pytest.raises(openai.RateLimitError) as raised,
        ):
            client.chat.completions.create(
                model="counted", messages=[{"role": "user", "content": "hello"}], max_tokens=8
            )
        headers = raised.value.response.headers
        assert headers["x-should-retry"] == "false"
        assert not {"retry-after", "retry-after-ms"} & set(headers)
        error = raised.value.response.json()["error"]
        assert error["message"].endswith(f" The limit is `{field}` of the key.")
        if field.startswith(("tokens", "cost")):
            assert error["message"].startswith("Request too large for `counted`")
            assert "The input or output tokens must be reduced" in error["message"]
            assert error["code"] == "rate_limit_exceeded"
    assert stage.requests_in_log(f" 429 POST {CHAT}") == before + len(LARGE)
    assert stage.upstream.requests == []


def test_a_budget_of_nothing(stage: Stage) -> None:
    """It is spent from the beginning."""
    refusal = stage.chat("empty", "counted")
    assert (refusal.status, refusal.error["code"]) == (429, "insufficient_quota")
