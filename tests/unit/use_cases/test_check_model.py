"""Checking models: every outcome has a verdict and, unless it is good, a reason."""

import asyncio

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.application.use_cases.check_model import CheckModel, Verdict
from llmproxy.domain.document import parse_model
from llmproxy.domain.errors import Unavailable, UpstreamError
from llmproxy.domain.model import Model
from tests.fakes.clock import FakeClock
from tests.fakes.documents import azure_document, document
from tests.fakes.model_probe import FakeModelProbe

pytestmark = pytest.mark.asyncio


def model(**changes: object) -> Model:
    """Read a document with these changes."""
    return parse_model(document(**changes)).model


async def test_a_model_that_answers_is_ok() -> None:
    """With the time it took."""
    clock = FakeClock()
    checks = CheckModel(FakeModelProbe(clock), clock, timeout_s=5)

    assert await checks(model()) == (model(), Verdict.OK, 0.25, "", None)


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (UpstreamError("The provider failed.", detail="HTTP 500: boom"), "HTTP 500: boom"),
        (Unavailable("Busy."), "Busy."),
        (UpstreamError(""), "UpstreamError"),
        (SecretMissing("the secret X is not set"), "the secret X is not set"),
    ],
)
async def test_a_failure_has_its_reason(failure: Exception, reason: str) -> None:
    """The operator sees the provider's own words too."""
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    probe.failures["gpt-mini"] = failure

    result = await CheckModel(probe, clock, timeout_s=5)(model())

    assert result.verdict is Verdict.FAILED
    assert reason in result.reason
    assert result.error is failure
    assert result.latency_s == 0.25


@pytest.mark.parametrize(
    ("named", "said"), [("groq/llama-3.3-70b", "untested: groq"), ("bedrock/amazon.nova-pro", "")]
)
async def test_a_provider_that_no_test_has_tried(named: str, said: str) -> None:
    """It may be ok, and still the operator is told."""
    clock = FakeClock()
    behind = model(provider="LiteLLM", model_type="LiteLLM", parameters={"litellm_model": named})
    result = await CheckModel(FakeModelProbe(clock), clock, timeout_s=5)(behind)

    assert result.verdict is Verdict.OK
    assert result.reason.startswith(said)
    assert bool(result.reason) is bool(said)


async def test_a_bug_is_not_a_verdict() -> None:
    """What nobody foresaw is raised, not put into a table."""
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    probe.failures["gpt-mini"] = ZeroDivisionError("bug")

    with pytest.raises(ZeroDivisionError):
        await CheckModel(probe, clock, timeout_s=5)(model())


async def test_a_silent_model_fails_in_time() -> None:
    """The probe is cancelled, not left behind."""
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    probe.hangs.add("gpt-mini")

    result = await CheckModel(probe, clock, timeout_s=0.05)(model())

    assert (result.verdict, result.reason) == (Verdict.FAILED, "no answer within 0.05 s")
    assert isinstance(result.error, TimeoutError)
    assert probe.at_once == 0


async def test_what_cannot_be_asked_is_not_asked() -> None:
    """A waiting model fails, and one of a wire that is not spoken yet; one without chat is skipped.

    None reaches a provider.
    """
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    checks = CheckModel(probe, clock, timeout_s=5)
    waiting = parse_model(azure_document(endpoint="MY_ENDPOINT")).model

    failed = await checks(waiting)
    skipped = await checks(model(operations=["embeddings"]))

    assert (failed.verdict, failed.latency_s) == (Verdict.FAILED, None)
    assert "endpoint" in failed.reason
    assert (skipped.verdict, skipped.latency_s) == (Verdict.SKIPPED, None)
    assert probe.asked == []


async def test_many_are_asked_eight_at_a_time() -> None:
    """Every model once, and no provider is flooded."""
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    models = [model(id=f"m{number}") for number in range(30)]

    results = [each async for each in CheckModel(probe, clock, timeout_s=5).each(models)]

    assert sorted(result.model.id for result in results) == sorted(each.id for each in models)
    assert probe.most_at_once == 8


async def test_leaving_early_cancels_the_rest() -> None:
    """Whoever stops listening leaves no question running."""
    clock = FakeClock()
    probe = FakeModelProbe(clock)
    probe.hangs.add("slow")
    results = CheckModel(probe, clock, timeout_s=60).each([model(), model(id="slow")])

    first = await anext(results)
    await results.aclose()
    await asyncio.sleep(0)

    assert first.model.id == "gpt-mini"
    assert probe.at_once == 0
