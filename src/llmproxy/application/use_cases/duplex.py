"""A session in frames, both ways at once, paid in slices.

A slice is the upper bound of one response: an admission of its own, journalled and reserved like a
call in one piece. A session holds a slice for each response in progress, and always one for the
next. What the provider reports as used settles the oldest slice; then the next one is reserved, so
that a budget ends a session between two responses. At the end the slice that is left is settled
with nothing, and those of responses that were cut off with an estimate.
"""

import asyncio
from collections import deque
from dataclasses import replace

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.journal import Attempt, Closed
from llmproxy.application.interfaces.talk import GOING_AWAY, NO_CODE, NORMAL, VANISHED, Talk
from llmproxy.application.interfaces.upstream import Conversation, Deployment, Reading
from llmproxy.application.steps.admission import Admission
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.asked import CRASHED
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.settle import NOTHING, Settle
from llmproxy.domain.errors import Broken, GatewayError
from llmproxy.domain.usage import Usage

CONTEXT_TOKENS = 32_768
"""The most input of one response: the context of OpenAI's realtime models (its model pages)."""
BYTES_PER_AUDIO_TOKEN = 3_200
"""Of output as base64: 24 kHz PCM16 is 64,000 bytes a second, and OpenAI counts 20 tokens a second
(its page "Managing costs" of the Realtime API). A text event, of one token or more, is shorter.
"""
ORDERLY = frozenset((NORMAL, GOING_AWAY, NO_CODE))


class Duplex:
    """admit → dispatch → relay; a slice at a time → settle."""

    def __init__(self, admit: Admit, dispatch: Dispatch, settle: Settle, clock: Clock) -> None:
        self._admit = admit
        self._dispatch = dispatch
        self._settle = settle
        self._clock = clock

    async def __call__(self, call: Call) -> "Session":
        """Return the session that the provider has accepted. Raises GatewayError."""
        admission = await self._admit(call)
        try:
            upstream, deployment = await self._dispatch.converse(admission)
        except GatewayError as error:
            self._settle.failed(admission, error)
            raise
        except BaseException as error:
            crash = CRASHED if isinstance(error, Exception) else None
            self._settle.broken_off(admission, admission.plan[0], NOTHING, crash, output_bytes=0)
            raise
        purse = Purse(admission, deployment, self._admit, self._settle, self._clock)
        return Session(upstream, purse)


class Purse:
    """The slices that a session holds, oldest first."""

    def __init__(
        self,
        admission: Admission,
        deployment: Deployment,
        admit: Admit,
        settle: Settle,
        clock: Clock,
    ) -> None:
        self.deployment = deployment
        self._call = admission.call
        self._model = admission.model
        self._admit = admit
        self._settle = settle
        self._clock = clock
        self._slices = deque([admission])
        self._numbers = 1
        self._in_progress = 0
        self._context_tokens = 0
        self._bytes = 0
        self._events = 0

    def passed(self, size: int) -> None:
        """Count a frame of the provider, for an estimate."""
        if self._in_progress:
            self._bytes += size
            self._events += 1

    async def account(self, reading: Reading) -> None:
        """Settle what was used, then hold what may be used next.

        Raises CallerError, RateLimited, BudgetSpent or Unavailable.
        """
        if reading.begun:
            self._in_progress += 1
        if reading.done:
            self._in_progress = max(0, self._in_progress - 1)
            if reading.usage is not None:
                used = reading.usage
                self._context_tokens = used.total_input_tokens + used.total_output_tokens
            self._bytes = self._events = 0
        if reading.done or reading.usage is not None:
            self._settle_oldest(reading.usage or NOTHING)
        while len(self._slices) < max(1, self._in_progress):
            self._slices.append(await self._admit(self._next(), self.deployment))

    def _next(self) -> Call:
        self._numbers += 1
        request_id = f"{self._call.request_id}.{self._numbers}"
        now = self._clock.monotonic()
        return replace(self._call, request_id=request_id, model=self._model, started_at=now)

    def _settle_oldest(self, usage: Usage) -> None:
        if self._slices:
            admission = self._slices.popleft()
            self._attempted(admission, None)
            self._settle.finished(admission, self.deployment, usage, output_bytes=0)
            self._sum(admission.call.entry)

    def _attempted(self, admission: Admission, error: str | None) -> None:
        duration_s = self._clock.monotonic() - admission.call.started_at
        admission.attempts.append(Attempt(self.deployment.model.id, error, duration_s))

    def close(self, error: str | None) -> None:
        """Settle what is left: responses cut off by an estimate, the rest with nothing."""
        cut_off = self._in_progress
        while self._slices:
            if not cut_off:
                self._settle_oldest(NOTHING)
                continue
            cut_off -= 1
            admission = self._slices.popleft()
            self._attempted(admission, error or "cancelled")
            usage = self._estimate()
            self._settle.broken_off(admission, self.deployment, usage, error, output_bytes=0)
            self._sum(admission.call.entry)

    def _sum(self, entry: Closed | None) -> None:
        """Add a slice to what the access line says of the whole session."""
        first = self._call.entry
        if first is None or entry is None or first is entry:
            return
        self._call.entry = replace(
            first,
            outcome=entry.outcome,
            error=entry.error,
            usage=first.usage.plus(entry.usage),
            cost_nano=first.cost_nano + entry.cost_nano,
        )

    def _estimate(self) -> Usage:
        """Take the conversation so far as input, and as output what has passed since it began."""
        tokens = max(self._events, -(-self._bytes // BYTES_PER_AUDIO_TOKEN))
        self._bytes = self._events = 0
        return Usage(input_tokens=self._context_tokens, output_tokens=tokens, estimated=True)


class Session:
    """To be `run` with the client's end, or given up with `close`: both settle it."""

    def __init__(self, upstream: Conversation, purse: Purse) -> None:
        self._upstream = upstream
        self._purse = purse

    @property
    def deployment(self) -> Deployment:
        """Who is talking."""
        return self._purse.deployment

    async def run(self, client: Talk, idle_s: float) -> None:
        """Relay until either end ends; close codes and reasons go on to the other one.

        Raises GatewayError when nothing more may be used, and when the provider vanished: the
        client's end is still open then, so that it can be told.
        """
        watch = Watch()
        tasks = [
            asyncio.create_task(self._inward(client, watch)),
            asyncio.create_task(self._outward(client, watch)),
            asyncio.create_task(watch.until_idle(idle_s)),
            asyncio.create_task(client.broken()),
        ]
        error: str | None = None
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self._end(client, idle_s)
        except GatewayError as failure:
            error = failure.code or "failed"
            raise
        except Exception:
            error = CRASHED
            raise
        finally:
            self.close(error)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _inward(self, client: Talk, watch: "Watch") -> None:
        while (frame := await client.receive()) is not None:
            watch.moved = True
            await self._upstream.send(frame)

    async def _outward(self, client: Talk, watch: "Watch") -> None:
        upstream, purse = self._upstream, self._purse
        while (frame := await upstream.receive()) is not None:
            watch.moved = True
            purse.passed(len(frame.data))
            reading = upstream.reading(frame)
            refusal = None
            if reading is not None:
                try:
                    await purse.account(reading)
                except GatewayError as error:
                    refusal = error
            await client.send(frame)
            if refusal is not None:
                raise refusal

    def _end(self, client: Talk, idle_s: float) -> None:
        ending = client.ending
        if ending is not None:
            told = ending.by_peer and ending.code != VANISHED
            self._upstream.close(*(ending[:2] if told else (GOING_AWAY, "")))
            return
        ending = self._upstream.ending
        if ending is None:
            client.close(GOING_AWAY, f"Nothing was said for {idle_s:g} s.")
        elif ending.by_peer and ending.code != VANISHED:
            client.close(ending.code, ending.reason)
            if ending.code not in ORDERLY:
                self._purse.close(f"closed_{ending.code}")
        else:
            raise _broken_off(ending.code, ending.reason)

    def close(self, error: str | None = None) -> None:
        """Settle what is held, and end the provider's part if it has not ended."""
        self._purse.close(error)
        self._upstream.close(GOING_AWAY)


class Watch:
    """Notices when neither end says anything for long."""

    def __init__(self) -> None:
        self.moved = False

    async def until_idle(self, idle_s: float) -> None:
        """Return after a silence of at least `idle_s`, and less than half as much more."""
        silent_looks = 0
        while silent_looks < 2:
            await asyncio.sleep(idle_s / 2)
            silent_looks = 0 if self.moved else silent_looks + 1
            self.moved = False


def _broken_off(code: int, reason: str) -> Broken:
    error = Broken("The provider broke off the session.")
    error.detail = f"close code {code} {reason}".rstrip()
    return error
