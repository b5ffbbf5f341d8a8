"""Limits of single deployments, and those of a model over all of its deployments."""

from collections import Counter

import pytest

from tests.api.limits.stage import Stage


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    whole_stage.hand_out(anyone={})


def served(stage: Stage, model: str, calls: int, *, stream: bool = False) -> Counter[str]:
    """Call so often; which deployments answered."""
    answers = [stage.chat("anyone", model, stream=stream) for _ in range(calls)]
    assert {each.status for each in answers} == {200}
    return Counter(each.headers["x-llmproxy-deployment"] for each in answers)


def test_another_one_takes_over(stage: Stage) -> None:
    """A deployment that is full is passed over, in plain calls and in streams."""
    both = served(stage, "half", 5) + served(stage, "half", 4, stream=True)
    assert both == {"half-0": 2, "half-1": 7}


def test_all_are_full(stage: Stage) -> None:
    """The refusal names a deployment's limit; a failed call gives its place back."""
    stage.upstream.fail_next("status", times=2, status=503)
    assert stage.chat("anyone", "full").status == 502
    assert served(stage, "full", 4) == {"full-0": 2, "full-1": 2}
    refusal = stage.chat("anyone", "full")
    assert (refusal.status, refusal.error["code"]) == (429, "rate_limit_exceeded")
    message = refusal.error["message"]
    assert "for `full` at its deployment `full-" in message
    assert "on requests per min (RPM): Limit 2, Requested 1. Please try again in " in message
    assert message.endswith(" The limit is `requests_per_minute` of the deployment.")
    assert len(stage.upstream.requests) == 6


def test_a_failure_moves_on_to_where_there_is_room(stage: Stage) -> None:
    """The one that is full is not asked again for a call that failed at the other."""
    stage.upstream.fail_next("status", times=1, status=503)
    assert stage.chat("anyone", "half").status == 502
    assert len(stage.upstream.requests) == 1


def test_a_models_limit_is_that_of_all_its_documents(stage: Stage) -> None:
    """The narrowest that one of them says holds for the calls of both together."""
    assert served(stage, "shared", 3).total() == 3
    refusal = stage.chat("anyone", "shared")
    assert refusal.status == 429
    assert "on requests per day (RPD): Limit 3, Requested 1." in refusal.error["message"]
    assert refusal.headers["x-ratelimit-limit-tokens"] == "1000"


def test_documents_with_limits_of_two_currencies(stage: Stage) -> None:
    """A budget in one and a rate in the other both hold, and each call counts once."""
    for left in (1, 0):
        answer = stage.chat("anyone", "euros")
        assert (answer.status, answer.headers["x-llmproxy-cost"]) == (200, "0.004000000")
        assert answer.headers["x-ratelimit-remaining-requests"] == str(left)
    refusal = stage.chat("anyone", "euros")
    assert (refusal.status, refusal.error["code"]) == (429, "rate_limit_exceeded")
    assert stage.limits("anyone")["model euros cost_per_month"]["left"] == "4.992000000"
