"""Counter for calls that name an `Idempotency-Key`, or whose answer may be kept already."""

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import Form
from llmproxy.application.use_cases.replayed.given import Given, GivenLive
from llmproxy.application.use_cases.replayed.question import Wish
from llmproxy.infra.controllers.openai.counter import Counter
from llmproxy.infra.controllers.visit import Visit


class KeptAnswers:
    """Of one endpoint, whose answers its `counter` hands over."""

    def __init__(self, gateway: Gateway, counter: Counter) -> None:
        self._repeats = gateway.repeats
        self._counter = counter

    async def serve(self, visit: Visit, call: Call, wish: Wish) -> bool:
        """Answer as the wish says; return whether with a kept answer.

        Raises GatewayError before anything was sent.
        """
        form = wish.shape.form
        if form is Form.WHOLE:
            wish.presence = visit.presence
            whole = await self._repeats.answer(call, wish)
            await self._counter.hand_over(visit, call, whole)
            return isinstance(whole, Given) and whole.kept
        live = await self._repeats.stream(call, wish)
        if form is Form.EVENTS:
            await self._counter.relay(visit, live)
        else:
            await self._counter.relay_bytes(visit, live)
        return isinstance(live, GivenLive)
