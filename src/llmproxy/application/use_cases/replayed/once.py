"""Answers kept for the same `Idempotency-Key`."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.delivery import Live, Whole
from llmproxy.application.interfaces.response_cache import Claims, Kept
from llmproxy.application.steps.admission import Admission
from llmproxy.application.use_cases.replayed.asked import Asked, Marks, Source
from llmproxy.application.use_cases.replayed.cached import Cached
from llmproxy.application.use_cases.replayed.looking import check
from llmproxy.application.use_cases.replayed.question import Wish, repeat_key
from llmproxy.application.use_cases.replayed.sharing import Sharing
from llmproxy.domain.errors import IdempotencyInProgress

REPLAY: Final = (b"x-llmproxy-idempotent-replay: true",)
MARKS: Final = Marks((), REPLAY, REPLAY)
PATIENCE_S: Final = 60.0
"""How long the answer of another worker is waited for, where the client does not say."""
FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 0.5
RENEWALS: Final = 3
"""How often a lease is renewed within its time."""


class FirstTime(Source):
    """The first call with a key goes the way that it would go without one.

    Of several workers only one runs it, which holds a claim to the key until the answer is kept;
    the others wait for that.
    """

    holds = True

    def __init__(
        self,
        cached: Cached,
        sharing: Sharing,
        claims: Claims,
        clock: Clock,
        asked: Asked,
        wish: Wish,
    ) -> None:
        self.keeps = True
        self._cached = cached
        self._sharing = sharing
        self._claims = claims
        self._clock = clock
        self._asked = asked
        self._wish = wish
        self._renewing: asyncio.Task[None] | None = None

    async def admit(self, *, quietly: bool = False) -> None:
        """Hold nothing: that is part of answering."""
        del quietly

    async def answer(self, _admission: Admission | None) -> Whole:
        """Answer in one piece. Raises GatewayError."""
        kept = await self._elsewhere()
        if kept is not None:
            return await self._sharing.again(self._asked, kept)
        return await self._cached.answer(self._asked.call, self._wish)

    async def stream(self, _admission: Admission | None) -> Live:
        """Answer in events. Raises GatewayError."""
        kept = await self._elsewhere()
        if kept is not None:
            return await self._sharing.again_live(self._asked, kept)
        return await self._cached.stream(self._asked.call, self._wish)

    async def over(self) -> None:
        """Give up the claim, if this worker has one."""
        renewing, self._renewing = self._renewing, None
        if renewing is not None:
            renewing.cancel()
            await self._claims.release(self._asked.key)

    async def _elsewhere(self) -> Kept | None:
        """Return what another worker has answered; None when it is ours to ask.

        Raises IdempotencyKeyReused, or IdempotencyInProgress when it takes longer than the client
        waits.
        """
        asked = self._asked
        pause_s = FIRST_PAUSE_S
        until = self._clock.monotonic() + (asked.call.silence_s or PATIENCE_S)
        while True:
            held = await self._claims.claim(asked.key, asked.fingerprint)
            if held is None:
                self._renewing = asyncio.create_task(self._renew())
            # Behind the claim: another worker keeps its answer before it lets its claim go.
            kept = await self._sharing.kept(asked)
            if held is None or kept is not None:
                self.keeps = kept is None
                return kept
            check(asked, held)
            if self._clock.monotonic() + pause_s >= until:
                raise IdempotencyInProgress(
                    "The first request with this Idempotency-Key is still being answered.",
                    param="Idempotency-Key",
                    retry_after_s=1.0,
                )
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._claims.lease_s / RENEWALS)
            await self._claims.renew(self._asked.key)


class Repeats:
    """What controllers ask for calls that name a key, or an answer that may be kept already."""

    def __init__(
        self, cached: Cached, sharing: Sharing, claims: Claims, clock: Clock, *, ttl_s: float
    ) -> None:
        self._cached = cached
        self._sharing = sharing
        self._claims = claims
        self._clock = clock
        self._ttl_s = ttl_s

    @property
    def caches(self) -> bool:
        """Whether answers are kept for the same question."""
        return self._cached.keeps

    def answer(self, call: Call, wish: Wish) -> Coroutine[Any, Any, Whole]:
        """Answer in one piece. Raises GatewayError."""
        if wish.repeat_key is None:
            return self._cached.answer(call, wish)
        asked = self._asked(call, wish, wish.repeat_key)
        return self._sharing.answer(asked, self._first(asked, wish))

    def stream(self, call: Call, wish: Wish) -> Coroutine[Any, Any, Live]:
        """Answer in events or bytes. Raises GatewayError."""
        if wish.repeat_key is None:
            return self._cached.stream(call, wish)
        asked = self._asked(call, wish, wish.repeat_key)
        return self._sharing.stream(asked, self._first(asked, wish))

    async def close(self) -> None:
        """Cancel what is under way; who still waits is told that the gateway is stopping."""
        await self._sharing.flights.close()
        await self._cached.close()

    def _first(self, asked: Asked, wish: Wish) -> FirstTime:
        return FirstTime(self._cached, self._sharing, self._claims, self._clock, asked, wish)

    def _asked(self, call: Call, wish: Wish, name: bytes) -> Asked:
        key = repeat_key(call, name)
        return Asked(call, key, key, wish.shape, self._ttl_s, MARKS, wish.fingerprint)
