"""Figures in Prometheus' text format: of calls, and of what parts report."""

import pytest

from llmproxy.application.interfaces.journal import Outcome
from llmproxy.domain.usage import Usage
from llmproxy.infra.telemetry.metrics import Metrics
from llmproxy.infra.telemetry.prometheus.families import DURATIONS_S, OVERHEAD_S
from tests.exposition import Samples, read, value
from tests.unit.infra.telemetry.prometheus.settled import attempt, settled

PROVIDERS = {"azure-mini": "Azure", "openai-mini": "OpenAI"}
REQUESTS = "llmproxy_requests_total"
ATTEMPTS = "llmproxy_upstream_attempts_total"
DURATION = "llmproxy_request_duration_seconds"

pytestmark = pytest.mark.asyncio


def metrics() -> Metrics:
    """Metrics that know two deployments."""
    return Metrics(PROVIDERS.get)


async def samples(of: Metrics) -> Samples:
    """What they say now."""
    return read(await of.text())


async def test_a_call() -> None:
    """It is counted with what it was, and with the provider of the deployment that answered."""
    of = metrics()
    of.calls.settled(settled(cost_nano=1_234_567_891))

    found = await samples(of)
    labels = {"worker": "0", "model": "mini", "provider": "Azure", "operation": "ChatCompletion"}
    assert value(found, REQUESTS, **labels, outcome="finished", code="none") == 1
    assert value(found, ATTEMPTS, deployment="azure-mini", provider="Azure", code="none") == 1
    assert value(found, f"{DURATION}_count", **labels) == 1
    assert value(found, f"{DURATION}_sum", **labels) == 0.25
    assert value(found, "llmproxy_tokens_total", type="input", model="mini") == 10
    assert value(found, "llmproxy_tokens_total", type="output", model="mini") == 5
    assert value(found, "llmproxy_overhead_seconds_count", operation="ChatCompletion") == 1
    cost = 'llmproxy_cost_total{worker="0",model="mini",provider="Azure",currency="USD"} '
    assert f"{cost}1.234567891\n" in await of.text()


async def test_a_histogram() -> None:
    """Buckets add up; a bound belongs to its own bucket; the sum is that of the durations."""
    of = metrics()
    for duration_s in (0.001, 0.01, 0.011, 700.0):
        of.calls.settled(settled(duration_s=duration_s))
    found = await samples(of)
    counts = [value(found, f"{DURATION}_bucket", le=str(bound)) for bound in DURATIONS_S]

    assert counts[:2] == [2, 3]
    assert counts == sorted(counts)
    assert counts[-1] == 3
    assert value(found, f"{DURATION}_bucket", le="+Inf") == 4
    assert value(found, f"{DURATION}_count") == 4
    assert value(found, f"{DURATION}_sum") == pytest.approx(700.022)


async def test_bounds_are_those_of_models_and_of_a_gateway() -> None:
    """Ten minutes for answers; from 50 µs to a second for what the gateway adds."""
    assert max(DURATIONS_S) == 600
    assert (OVERHEAD_S[0], OVERHEAD_S[-1]) == (0.00005, 1.0)


async def test_the_first_content_is_timed_where_there_is_one() -> None:
    """Answers in one piece have none, and do not count as if it had come at once."""
    of = metrics()
    of.calls.settled(settled())
    of.calls.settled(settled(first_content_s=0.3))
    of.calls.settled(settled())

    found = await samples(of)
    first = "llmproxy_time_to_first_token_seconds"
    assert value(found, f"{first}_count", model="mini") == 1
    assert value(found, f"{first}_sum", model="mini") == 0.3
    assert value(found, f"{DURATION}_count", model="mini") == 3


async def test_every_attempt_counts() -> None:
    """A call that was retried counts once, and each of its tries at its own deployment."""
    of = metrics()
    tries = [attempt("openai-mini", "upstream_error", 0.1, 500), attempt()]
    of.calls.settled(settled(attempts=tries))

    found = await samples(of)
    assert value(found, REQUESTS) == 1
    assert value(found, ATTEMPTS) == 2
    assert value(found, ATTEMPTS, deployment="openai-mini", code="upstream_error") == 1
    upstream = "llmproxy_upstream_duration_seconds_sum"
    assert value(found, upstream, deployment="openai-mini", provider="OpenAI") == 0.1


async def test_all_that_was_used() -> None:
    """Tokens by type, images, characters, seconds of sound; what was nobody's is not there."""
    of = metrics()
    usage = Usage(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, images=11, characters=12, audio_ms=1_500)
    of.calls.settled(settled(usage=usage))
    of.calls.settled(settled("other-mini", usage=Usage(estimated=True)))

    found = await samples(of)
    tokens = "llmproxy_tokens_total"
    types = ("input", "cache_read", "cache_write", "output", "reasoning", "audio_input")
    assert [value(found, tokens, type=each) for each in types] == [1, 2, 3, 4, 5, 6]
    assert value(found, tokens, type="cache_write_1h") == 10
    assert value(found, "llmproxy_images_total") == 11
    assert value(found, "llmproxy_characters_total") == 12
    assert value(found, "llmproxy_audio_seconds_total") == 1.5
    assert value(found, "llmproxy_estimated_usage_total", model="other-mini") == 1
    assert not [1 for name, labels in found if name == tokens and ("type", "images") in labels]


async def test_a_provider_s_own_words_are_no_label() -> None:
    """Codes are a bounded set, whatever a provider says."""
    of = metrics()
    for number in range(50):
        said = f"because_{number}"
        tries = [attempt(error=said, status=400)]
        of.calls.settled(settled(outcome=Outcome.REFUSED, error=said, attempts=tries))
    broken = [attempt(error="server_melted", status=None)]
    of.calls.settled(settled(outcome=Outcome.FAILED, error="server_melted", attempts=broken))

    text = await of.text()
    found = read(text)
    assert "because_" not in text
    assert "server_melted" not in text
    assert value(found, REQUESTS, outcome="refused", code="upstream_refused") == 50
    assert value(found, ATTEMPTS, code="upstream_refused") == 50
    assert value(found, REQUESTS, outcome="failed", code="upstream_said") == 1
    assert value(found, ATTEMPTS, code="upstream_said") == 1


async def test_what_no_provider_was_asked_for() -> None:
    """A kept answer has no provider; a deployment that is gone has an unknown one."""
    of = metrics()
    of.calls.settled(settled(outcome=Outcome.CACHED, attempts=[], usage=Usage()))
    of.calls.settled(settled(attempts=[attempt("gone")]))

    found = await samples(of)
    assert value(found, REQUESTS, outcome="cached", provider="none") == 1
    assert value(found, REQUESTS, outcome="finished", provider="unknown") == 1


async def test_refusals_by_limits() -> None:
    """They are counted by the kind of their scope and by the limit."""
    of = metrics()
    for limit in ("requests_per_minute", "cost_total", "cost_total"):
        of.calls.refused("key", limit)

    found = await samples(of)
    refusals = "llmproxy_limit_refusals_total"
    assert value(found, refusals, scope="key", limit="cost_total") == 2
    assert value(found, refusals) == 3


async def test_whatever_a_model_is_called() -> None:
    """Values of labels are escaped."""
    of = metrics()
    of.calls.settled(settled('odd "name"\\\n'))

    text = await of.text()
    assert read(text)
    assert r'model="odd \"name\"\\\n"' in text


async def test_what_parts_report() -> None:
    """It is read when it is asked for; each figure is the metric of its table."""
    of = metrics()
    figures = {"open": 1, "opened": 2}
    of.gauge("ledger", lambda: figures)
    of.gauge("admission", lambda: {"refused_growth": 3, "refused_timeout": 4})
    of.gauge("alerts", lambda: {"key_cost_per_month": 5})
    of.gauge_of_each("deployment", lambda: {"openings": {"azure-mini": 6}})
    figures["open"] = 7

    found = await samples(of)
    assert value(found, "llmproxy_ledger_open") == 7
    assert value(found, "llmproxy_ledger_opened_total") == 2
    assert value(found, "llmproxy_admission_refused_total", reason="growth") == 3
    assert value(found, "llmproxy_alerts_total", scope="key", limit="cost_per_month") == 5
    assert value(found, "llmproxy_deployment_openings_total", deployment="azure-mini") == 6


async def test_what_nobody_has_described() -> None:
    """It is told all the same."""
    of = metrics()
    of.gauge("x", lambda: {"open": 1.5, "made_total": 2})

    found = await samples(of)
    assert value(found, "llmproxy_x_open") == 1.5
    assert value(found, "llmproxy_x_made_total") == 2


async def test_the_worker() -> None:
    """Every sample says whose it is."""
    of = metrics()
    of.worker = "7"
    of.gauge("ledger", lambda: {"open": 1})
    of.calls.settled(settled())

    assert all(("worker", "7") in labels for _, labels in await samples(of))
