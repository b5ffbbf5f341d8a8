"""What a real Prometheus reads equals what the simulators were asked and what the ledger has."""

import json
from collections import Counter
from decimal import Decimal
from typing import Any

from tests.api.metrics.conftest import Observed
from tests.api.metrics.traffic import CALLS

NANO = Decimal(10) ** -9
TYPES = {
    "input": "input_tokens",
    "cache_read": "cache_read_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}


def rows(observed: Observed) -> list[dict[str, Any]]:
    """The rows of the ledger."""
    calls = int(observed.prometheus.value("sum(llmproxy_requests_total)"))
    return observed.stage.rows(calls)


def test_calls(observed: Observed) -> None:
    """By model and by outcome; every kind of outcome that this traffic has is among them."""
    ask = observed.prometheus
    found = rows(observed)
    by_model = ask.by("model", "sum by (model) (llmproxy_requests_total)")
    assert by_model == Counter(row["model"] for row in found)
    outcomes = ask.by("outcome", "sum by (outcome) (llmproxy_requests_total)")
    assert outcomes == Counter(row["outcome"] for row in found)
    assert set(outcomes) == {"finished", "failed", "refused", "cached"}
    histogram = ask.value("sum(llmproxy_request_duration_seconds_count)")
    assert histogram == len(found) == ask.value("sum(llmproxy_overhead_seconds_count)")
    streams = sum(row["first_content_s"] is not None for row in found)
    first = ask.value("sum(llmproxy_time_to_first_token_seconds_count)")
    assert first == streams >= CALLS


def test_errors(observed: Observed) -> None:
    """By code: those of the gateway, and one word for what a provider says."""
    codes = observed.prometheus.by(
        "code", 'sum by (code) (llmproxy_requests_total{outcome=~"failed|refused"})'
    )
    assert codes["upstream_refused"] == CALLS
    assert codes["upstream_error"] == CALLS
    failed = [row for row in rows(observed) if row["outcome"] in {"failed", "refused"}]
    assert sum(codes.values()) == len(failed)


def test_attempts(observed: Observed) -> None:
    """Those of each deployment are the requests that its provider has got."""
    ask = observed.prometheus
    attempts = ask.by("deployment", "sum by (deployment) (llmproxy_upstream_attempts_total)")
    assert attempts == {name: count for name, count in observed.stage.seen().items() if count}
    assert attempts == ask.by(
        "deployment", "sum by (deployment) (llmproxy_upstream_duration_seconds_count)"
    )
    told = Counter(
        (each["deployment"], each["error"] or "none")
        for row in rows(observed)
        for each in json.loads(row["attempts"])
    )
    assert sum(told.values()) == sum(attempts.values())
    retried = ask.value('sum(llmproxy_upstream_attempts_total{deployment="first",code!="none"})')
    assert retried == sum(
        count for (name, error), count in told.items() if name == "first" and error != "none"
    )
    assert retried >= 2
    providers = ask.by("provider", "sum by (provider) (llmproxy_upstream_attempts_total)")
    assert set(providers) == {"OpenAI", "Azure"}


def test_tokens_and_cost(observed: Observed) -> None:
    """They are the ledger's, to the last token and the last billionth."""
    ask = observed.prometheus
    found = rows(observed)
    tokens = ask.by("type", "sum by (type) (llmproxy_tokens_total)")
    for kind, column in TYPES.items():
        assert tokens.get(kind, 0) == sum(row[column] for row in found), kind
    assert tokens["reasoning"] > 0
    [cost] = ask.query("sum by (currency) (llmproxy_cost_total)")
    spent = sum(row["cost_nano"] for row in found)
    assert cost["metric"] == {"currency": "USD"}
    assert Decimal(cost["value"][1]).quantize(NANO) == spent * NANO > 0
    by_model = ask.by("model", "sum by (model) (llmproxy_tokens_total)")
    assert by_model["embedder"] == sum(
        row["input_tokens"] for row in found if row["model"] == "embedder"
    )
    for name, column in (("images", "images"), ("characters", "characters")):
        assert ask.value(f"sum(llmproxy_{name}_total)") == sum(row[column] for row in found) > 0
    sound_s = sum(row["audio_ms"] for row in found) / 1000
    assert ask.value("sum(llmproxy_audio_seconds_total)") == sound_s > 0


def test_the_cache(observed: Observed) -> None:
    """One question was asked, the others were answered again: a hit rate can be computed."""
    ask = observed.prometheus
    results = ask.by("result", "sum by (result) (llmproxy_cache_requests_total)")
    assert results == {"hit": CALLS - 1, "miss": 1, "coalesced": 0}
    cached = sum(row["outcome"] == "cached" for row in rows(observed))
    assert cached == results["hit"]


def test_limits(observed: Observed) -> None:
    """Refusals by the kind of scope and the limit, and the thresholds that were told."""
    ask = observed.prometheus
    [refused] = ask.query("sum by (scope, limit) (llmproxy_limit_refusals_total)")
    assert refused["metric"] == {"scope": "model", "limit": "requests_per_minute"}
    assert float(refused["value"][1]) == observed.refused == 2
    told = ask.by("limit", 'sum by (limit) (llmproxy_alerts_total{scope="model"})')
    assert told == {"requests_per_minute": 2}


def test_requests_that_became_no_call(observed: Observed) -> None:
    """Those without a key, and those that a limit refused, are counted by their status."""
    ask = observed.prometheus
    chats = 'route="/v1/chat/completions",method="POST"'
    status = ask.by("status", f"sum by (status) (llmproxy_http_requests_total{{{chats}}})")
    assert status["401"] == CALLS
    assert status["429"] == observed.refused
    assert status["400"] == status["502"] + status.get("503", 0) == CALLS
    calls = ask.value('sum(llmproxy_requests_total{operation="ChatCompletion"})')
    assert sum(status.values()) == calls + status["401"] + status["429"]


def test_the_ledger(observed: Observed) -> None:
    """What went in came out, but for answers that were kept: those are only settled."""
    ask = observed.prometheus
    opened, closed, carried = (
        ask.value(f"sum(llmproxy_ledger_{name}_total)") for name in ("opened", "closed", "carried")
    )
    cached = ask.value('sum(llmproxy_requests_total{outcome="cached"})')
    assert closed == carried == opened + cached == len(rows(observed))
    assert ask.value("sum(llmproxy_ledger_waiting_lines)") == 0
    assert ask.value("sum(llmproxy_ledger_lost_total)") == 0


def test_the_process(observed: Observed) -> None:
    """It has CPU time, a size, a start, a loop that is looked at, and a version."""
    ask = observed.prometheus
    assert ask.value('process_cpu_seconds_total{worker="0"}') > 0
    assert ask.value("process_resident_memory_bytes{job='llmproxy'}") > 20e6
    assert 0 < ask.value("time() - process_start_time_seconds{job='llmproxy'}") < 600
    assert ask.value("sum(llmproxy_event_loop_lag_seconds_count)") > 5
    assert ask.value("count(llmproxy_build_info)") == 1
    assert ask.value("llmproxy_registry_age_seconds") < 60
