"""The six `x-ratelimit-*` headers: exact, on answers, streams and refusals, and each only once."""

import pytest

from tests.api.limits.stage import Stage, counting, seconds
from tests.api.raw import Answer, exchange, post

NAMES = [
    f"x-ratelimit-{word}-{measure}"
    for measure in ("requests", "tokens")
    for word in ("limit", "remaining", "reset")
]
USED, MOST = 4, 8
PER_CALL = 9 + USED
"""What the simulator reports for `count to 4`: tokens in and out."""
REQUESTS, TOKENS = 6, 10_000


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    both = {"requests_per_minute": REQUESTS, "tokens_per_minute": TOKENS}
    whole_stage.hand_out(
        nothing={},
        both={"limits": both},
        requests={"limits": {"requests_per_day": 50}},
        budget={"limits": {"cost_per_month": 50, "requests_total": 50}},
        narrow={
            "limits": {"requests_per_minute": 100, "requests_per_month": 8},
            "project_limits": {"requests_per_day": 9, "tokens_per_day": TOKENS},
        },
    )


def asked(stage: Stage, name: str, *, stream: bool = False) -> tuple[Answer, int]:
    """The answer to one call, its headers as they were sent, and the tokens held for it."""
    body = sent(stream=stream)
    key = b"authorization: Bearer " + stage.keys[name].key.encode()
    return exchange(stage.gateway.url, post(body, key)), len(body) + MOST


def sent(*, stream: bool) -> bytes:
    """A request's body."""
    more = b',"stream":true' if stream else b""
    words = b'[{"role":"user","content":"count to %d"}]' % USED
    return b'{"model":"counted","messages":%b,"max_tokens":%d%b}' % (words, MOST, more)


def ratelimits(answer: Answer) -> dict[str, str]:
    """All such headers; none stands twice."""
    found = [(name, value) for name, value in answer.headers if name.startswith("x-ratelimit-")]
    assert len(dict(found)) == len(found)
    return dict(found)


def test_six_headers_go_down_with_every_call(stage: Stage) -> None:
    """Requests by one, tokens by what was reported, after what this call holds itself."""
    for number in range(REQUESTS):
        answer, held = asked(stage, "both", stream=number % 2 == 1)
        assert answer.status == 200
        told = ratelimits(answer)
        assert sorted(told) == sorted(NAMES)
        assert told["x-ratelimit-limit-requests"] == str(REQUESTS)
        assert told["x-ratelimit-remaining-requests"] == str(REQUESTS - number - 1)
        assert told["x-ratelimit-limit-tokens"] == str(TOKENS)
        assert told["x-ratelimit-remaining-tokens"] == str(TOKENS - number * PER_CALL - held)
        for measure in ("requests", "tokens"):
            assert 50 < seconds(told[f"x-ratelimit-reset-{measure}"]) <= 62

    refusal, _ = asked(stage, "both")
    assert refusal.status == 429
    told = ratelimits(refusal)
    assert sorted(told) == sorted(NAMES)
    assert told["x-ratelimit-remaining-requests"] == "0"
    assert told["x-ratelimit-remaining-tokens"] == str(TOKENS - REQUESTS * PER_CALL)
    assert seconds(told["x-ratelimit-reset-requests"]) >= 50
    wait_ms = refusal.header("retry-after-ms")
    assert wait_ms is not None
    assert int(wait_ms) <= 1000 * seconds(told["x-ratelimit-reset-requests"]) + 2


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_own_pass_where_nothing_is_limited(stage: Stage, *, stream: bool) -> None:
    """They are those of the account; a budget has none that could take their place."""
    for name in ("nothing", "budget"):
        answer, _ = asked(stage, name, stream=stream)
        assert answer.status == 200
        assert sorted(ratelimits(answer)) == sorted(NAMES)
        assert answer.header("x-ratelimit-limit-requests") == "500"
        assert answer.header("x-ratelimit-remaining-tokens") == str(200_000 - 9)


@pytest.mark.parametrize("stream", [False, True])
def test_the_providers_own_go_where_something_is_limited(stage: Stage, *, stream: bool) -> None:
    """Not even those of a measure that has no limit here are left: they are of another account."""
    answer, _ = asked(stage, "requests", stream=stream)
    assert sorted(ratelimits(answer)) == sorted(NAMES[:3])
    assert answer.header("x-ratelimit-limit-requests") == "50"
    assert 86_390 < seconds(str(answer.header("x-ratelimit-reset-requests"))) <= 87_300


def test_they_tell_of_the_smallest_share(stage: Stage) -> None:
    """Of several windows and scopes."""
    answer, held = asked(stage, "narrow")
    told = ratelimits(answer)
    assert told["x-ratelimit-limit-requests"] == "8"
    assert told["x-ratelimit-remaining-requests"] == "7"
    assert told["x-ratelimit-limit-tokens"] == str(TOKENS)
    assert told["x-ratelimit-remaining-tokens"] == str(TOKENS - held)


@pytest.mark.parametrize("stream", [False, True])
def test_the_sdk_can_read_them(stage: Stage, *, stream: bool) -> None:
    """On the raw response, before the first event of a stream."""
    with stage.client("requests") as client:
        raw = client.chat.completions.with_raw_response.create(
            **counting("counted", USED, MOST, stream=stream)
        )
        left = int(raw.headers["x-ratelimit-remaining-requests"])
        assert raw.headers["x-ratelimit-limit-requests"] == "50"
        again = client.chat.completions.with_raw_response.create(**counting("counted", USED, MOST))
        assert int(again.headers["x-ratelimit-remaining-requests"]) == left - 1
        raw.http_response.close()
