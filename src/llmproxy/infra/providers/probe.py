"""Asking a model one cheap question through the adapter that serves its requests."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.model_probe import ModelProbe
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import OwnFault
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint, Operation
from llmproxy.infra.wire.json_object import JsonObject

_QUESTION: Final = (
    b'{"model":"model","messages":[{"role":"user","content":"Answer with the word OK only."}]}'
)
"""Without a bound of tokens: reasoning models refuse `max_tokens`, others know no newer name."""

_NOBODY: Final = Caller(key_id="check", project=None, models=None, admin=True, expires_at=None)


class DeploymentProbe(ModelProbe):
    """Builds a model's deployment with `build` and calls it directly: no limits, no journal."""

    def __init__(
        self,
        build: Callable[[Model, int], Deployment],
        clock: Clock,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        """`settled` waits for what deployments may have to load first."""
        self._settled = settled
        self._build = build
        self._clock = clock

    @override
    async def ask(self, model: Model) -> None:
        deployment = self._build(model, 0)
        if deployment.answering is None:
            await self._settled()
            deployment = self._build(model, 0)
        if deployment.answering is None:
            raise OwnFault(deployment.not_ready or "it does not answer in one piece")
        await deployment.answering.answer(self._call(model))

    def _call(self, model: Model) -> Call:
        return Call(
            request_id=f"check_{secrets.token_hex(8)}",
            caller=_NOBODY,
            endpoint=Endpoint.CHAT_COMPLETIONS,
            operation=Operation.CHAT_COMPLETION,
            model=model.code,
            body=JsonObject(_QUESTION),
            prompt_bytes=len(_QUESTION),
            max_output_tokens=None,
            choices=1,
            stream=False,
            silence_s=None,
            started_at=self._clock.monotonic(),
        )
