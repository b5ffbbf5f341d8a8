"""Counter for calls that name an `Idempotency-Key`, or whose answer may be kept already."""

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.response_cache import Form
from llmproxy.application.use_cases.replayed.question import Wish
from llmproxy.infra.controllers.openai.counter import Counter
from llmproxy.infra.controllers.openai.wishes import Wishes
from llmproxy.infra.controllers.visit import Visit


class KeptAnswers:
    """Of one endpoint, whose answers its `counter` hands over."""

    def __init__(self, gateway: Gateway, counter: Counter, *, binary: bool) -> None:
        self._repeats = gateway.repeats
        self._counter = counter
        self._binary = binary
        self._wishes = Wishes(gateway.registry, caches=gateway.repeats.caches)

    def wish(self, visit: Visit, call: Call) -> Wish | None:
        """Return what the call wishes for; None for most, which go the plain way.

        Raises GatewayError.
        """
        return self._wishes.read(visit.headers, call, binary=self._binary)

    async def serve(self, visit: Visit, call: Call, wish: Wish) -> None:
        """Answer as the wish says. Raises GatewayError before anything was sent."""
        form = wish.shape.form
        if form is Form.WHOLE:
            whole = await self._repeats.answer(call, wish)
            await self._counter.hand_over(visit, call, whole)
        elif form is Form.EVENTS:
            await self._counter.relay(visit, await self._repeats.stream(call, wish))
        else:
            await self._counter.relay_bytes(visit, await self._repeats.stream(call, wish))
