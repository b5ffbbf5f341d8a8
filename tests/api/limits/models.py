"""The documents of the server that most of these tests share."""

from collections.abc import Iterator
from typing import Any

from tests.api.limits.priced import priced_documents
from tests.api.limits.rules import FIELDS, limit_of_two
from tests.api.limits.stage import COUNTED, counted
from tests.simulators.openai import OpenAISimulator


def documents(upstream: OpenAISimulator) -> list[dict[str, Any]]:
    """`counted` without limits, and models with limits of every kind."""
    made = [counted(code, upstream) for code in ("counted", "growing")]
    for name in FIELDS:
        for scope, limits in (("model", "model_limits"), ("deployment", "limits")):
            code = f"{scope}-{name}"
            made.append(counted(code, upstream) | {limits: limit_of_two(name, code)})
    few = {"concurrent_requests": 2}
    made.append(counted("model-concurrent", upstream) | {"model_limits": few})
    made.append(counted("deployment-concurrent", upstream) | {"limits": few})
    once = {"model_limits": {"requests_per_day": 3}, "limits": {"requests_per_month": 9}}
    made.append(counted("shared-explained", upstream) | once)
    return [*made, *_pairs(upstream), *priced_documents(upstream)]


def _pairs(upstream: OpenAISimulator) -> Iterator[dict[str, Any]]:
    """Models of two deployments each."""
    two = {"requests_per_minute": 2}
    one = {"limits": {"requests_per_minute": 1}}
    for code, first, second in (
        ("half", {"limits": two}, {}),
        ("full", {"limits": two}, {"limits": two}),
        ("explained-pair", one, one),
        (
            "shared",
            {"model_limits": {"requests_per_day": 3}},
            {"model_limits": {"requests_per_day": 5, "tokens_per_day": 1000}},
        ),
        (
            "euros",
            {"model_limits": {"cost_per_month": 5, "currency": "EUR"}},
            {"model_limits": two},
        ),
    ):
        costs = COUNTED | ({"currency": "EUR"} if code == "euros" else {})
        for number, more in enumerate((first, second)):
            yield counted(code, upstream, costs=costs) | {"id": f"{code}-{number}"} | more
