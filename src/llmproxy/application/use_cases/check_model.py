"""Checking models: each is asked one cheap question, and every failure has a reason."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.model_probe import ModelProbe
from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Operation
from llmproxy.domain.vendor import TESTED_BEHIND_LITELLM

_AT_ONCE: Final = 8


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


class CheckResult(NamedTuple):
    """One check; `latency_s` is None when nothing was asked.

    `reason` is empty when all is well, and says so when a model that answers is in no test of ours.
    `error` is what asking it came to, None where it answered or was not asked: a GatewayError,
    SecretMissing or TimeoutError.
    """

    model: Model
    verdict: Verdict
    latency_s: float | None
    reason: str
    error: Exception | None = None


class CheckModel:
    """Asks models through a `ModelProbe`, each for at most `timeout_s` seconds."""

    def __init__(self, probe: ModelProbe, clock: Clock, *, timeout_s: float) -> None:
        self._probe = probe
        self._clock = clock
        self._timeout_s = timeout_s

    async def __call__(self, model: Model) -> CheckResult:
        """Check one model."""
        if model.parameters.unresolved:
            waiting = ", ".join(model.parameters.unresolved)
            reason = f"the environment lacks the variable for {waiting}"
            return CheckResult(model, Verdict.FAILED, None, reason)
        if not model.offers(Operation.CHAT_COMPLETION):
            reason = "offers no chat completions, and only these are asked"
            return CheckResult(model, Verdict.SKIPPED, None, reason)
        started_at = self._clock.monotonic()
        error = await self._failure(model)
        latency_s = self._clock.monotonic() - started_at
        if error is not None:
            return CheckResult(model, Verdict.FAILED, latency_s, self._words(error), error)
        return CheckResult(model, Verdict.OK, latency_s, _untested(model))

    async def each(self, models: Sequence[Model]) -> AsyncIterator[CheckResult]:
        """Check several models, eight at a time, and yield each result when it is there."""
        turns = asyncio.Semaphore(_AT_ONCE)

        async def in_turn(model: Model) -> CheckResult:
            async with turns:
                return await self(model)

        tasks = [asyncio.create_task(in_turn(model)) for model in models]
        try:
            for next_done in asyncio.as_completed(tasks):
                yield await next_done
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _failure(self, model: Model) -> Exception | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._probe.ask(model)
        except (GatewayError, SecretMissing, TimeoutError) as error:
            return error
        return None

    def _words(self, error: Exception) -> str:
        if isinstance(error, GatewayError):
            return f"{error.message} {error.detail}".strip() or type(error).__name__
        if isinstance(error, TimeoutError):
            return f"no answer within {self._timeout_s:g} s"
        return str(error)


def _untested(model: Model) -> str:
    """Say when a model answers through translators that no test of this gateway has tried."""
    if model.model_type != "LiteLLM":
        return ""
    provider = str(model.parameters.extra.get("litellm_model", "")).partition("/")[0]
    if provider in TESTED_BEHIND_LITELLM:
        return ""
    return f"untested: {provider} is called through LiteLLM and is in none of our tests"
