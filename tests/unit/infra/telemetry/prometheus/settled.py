"""Settlements to count, with as few words as a test needs."""

from dataclasses import replace
from typing import Any

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.domain.usage import Usage


def attempt(
    deployment: str = "azure-mini",
    error: str | None = None,
    duration_s: float = 0.2,
    status: int | None = 200,
) -> Attempt:
    """Return one try."""
    return Attempt(deployment, error, duration_s, status)


def settled(
    model: str = "mini",
    attempts: list[Attempt] | None = None,
    **fields: Any,  # noqa: ANN401 - those of a Closed
) -> Closed:
    """Return a settlement; `attempts` are one that answered when they are not given."""
    tried = [attempt()] if attempts is None else attempts
    plain = Closed(
        "req_1",
        1000.0,
        "key",
        None,
        model,
        "ChatCompletion",
        tried[-1].deployment if tried else None,
        Outcome.FINISHED,
        tried[-1].status if tried else None,
        None,
        tried,
        Usage(10, output_tokens=5),
        0,
        "USD",
        1,
        0.25,
        None,
        0.0003,
        stream=False,
    )
    return replace(plain, **fields)
