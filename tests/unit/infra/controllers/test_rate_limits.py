"""The six headers of limits, in OpenAI's words."""

import pytest

from llmproxy.domain.errors import BudgetSpent, RateLimited
from llmproxy.domain.limit import Allowance, Quota
from llmproxy.infra.controllers.errors import rendered
from llmproxy.infra.controllers.rate_limits import duration, with_quota

BOTH = Quota(Allowance(60, 59, 1.0), Allowance(150_000, 149_984, 360.0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, b"0ms"),
        (0.0204, b"20ms"),
        (1, b"1s"),
        (8.64, b"8.64s"),
        (59.9996, b"1m0s"),
        (100, b"1m40s"),
        (360, b"6m0s"),
        (3600, b"1h0m0s"),
        (86_398.5, b"23h59m58.5s"),
        (-3, b"0ms"),
    ],
)
def test_durations(seconds: float, text: bytes) -> None:
    """As OpenAI's examples in its guide are written: `1s`, `6m0s`."""
    assert duration(seconds) == text


def test_ours_stand_in_place_of_the_providers() -> None:
    """A provider tells of an account that the caller does not have."""
    lines = [
        b"content-type: application/json",
        b"X-RateLimit-Limit-Requests: 5000",
        b"x-ratelimit-reset-tokens: 6m0s",
    ]

    assert with_quota(lines, BOTH) == [
        b"content-type: application/json",
        b"x-ratelimit-limit-requests: 60",
        b"x-ratelimit-remaining-requests: 59",
        b"x-ratelimit-reset-requests: 1s",
        b"x-ratelimit-limit-tokens: 150000",
        b"x-ratelimit-remaining-tokens: 149984",
        b"x-ratelimit-reset-tokens: 6m0s",
    ]
    assert with_quota(lines, None) is lines


def test_a_measure_without_a_limit_has_no_headers() -> None:
    """Nothing is invented, and the provider's would be of another account."""
    lines = with_quota([b"x-ratelimit-limit-tokens: 9"], Quota(Allowance(3, -1, 0.5), None))

    assert lines == [
        b"x-ratelimit-limit-requests: 3",
        b"x-ratelimit-remaining-requests: 0",
        b"x-ratelimit-reset-requests: 500ms",
    ]


def test_refusals_carry_them() -> None:
    """With the time to wait, unless no waiting helps."""
    late = RateLimited("Rate limit reached.", retry_after_s=1.25)
    late.quota = BOTH
    status, headers, _ = rendered(late)
    told = dict(headers)
    assert status == 429
    assert told[b"x-ratelimit-remaining-requests"] == b"59"
    assert (told[b"retry-after"], told[b"retry-after-ms"]) == (b"2", b"1250")
    assert told[b"x-should-retry"] == b"true"

    late.final = True
    assert dict(rendered(late)[1])[b"x-should-retry"] == b"false"


def test_a_spent_budget() -> None:
    """OpenAI's type and code, which official SDKs do not try again."""
    spent = BudgetSpent("You exceeded your current quota.")
    spent.quota = BOTH
    status, headers, body = rendered(spent)

    assert status == 429
    assert dict(headers)[b"x-should-retry"] == b"false"
    assert dict(headers)[b"x-ratelimit-limit-tokens"] == b"150000"
    assert body.count(b"insufficient_quota") == 2
