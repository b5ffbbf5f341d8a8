"""A streamed answer on its way, from whoever is asked in the end."""

from collections.abc import Callable
from typing import Final, NamedTuple

from llmproxy.application.interfaces.upstream import Deployment, Events
from llmproxy.application.steps.admission import Admission, not_ready
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.race import Ask, Race
from llmproxy.application.steps.walk import Walk
from llmproxy.domain.errors import GatewayError

MAX_HELD_BYTES: Final = 64 * 1024


class Opening(NamedTuple):
    """A stream that speaks, and all that it has said."""

    events: Events
    held: bytes


class Journey:
    """A streamed answer over the deployments of a plan.

    Events are held back until the first content, so that a failure before it can still move to
    another deployment.
    """

    def __init__(self, ground: Ground, admission: Admission) -> None:
        self._ground = ground
        self._admission = admission
        self._walk = Walk(ground, admission)
        self._clock = ground.clock
        self._race: Race[Opening] | None = None
        self._held = b""
        self._resumes_at = 0.0
        self._pulse_s: float | None = None
        self.events: Events | None = None
        self.flowing = False

    @property
    def deployment(self) -> Deployment | None:
        """Who is asked now, or was last."""
        return self._walk.deployment

    def pulse_every(self, seconds: float) -> None:
        """Let `next` return b"" after this long without an event."""
        self._pulse_s = seconds
        if self.events is not None:
            self.events.pulse_every(seconds)

    async def next(self) -> bytes | None:
        """Return events, b"" after a silence, None after the complete end. Raises GatewayError."""
        while True:
            events = self.events
            if events is None:
                events = await self._depart()
                if events is None:
                    return b""
                if self._held:
                    return self._let_flow()
            try:
                batch = await events.next()
            except GatewayError as error:
                self._failed(error)
                continue
            if self.flowing or batch == b"":
                return batch
            if self._hold(events, batch):
                return self._let_flow()

    def _let_flow(self) -> bytes | None:
        """Hand over all that is held: the content begins, or the answer has ended without any."""
        self.flowing = True
        self._admission.first_content_at = self._clock.monotonic()
        held, self._held = self._held, b""
        return held or None

    async def pour(self, sink: Callable[[bytes], bool]) -> None:
        """Hand events to `sink` as they arrive, once content flows; then ask `next` again."""
        if self.flowing and self.events is not None:
            await self.events.pour(sink)

    def _hold(self, events: Events, batch: bytes | None) -> bool:
        """Hold a batch back; return whether all that is held may go out now."""
        if batch is None:
            return True
        self._held += batch
        return events.has_content(batch) or len(self._held) >= MAX_HELD_BYTES

    async def _depart(self) -> Events | None:
        """Ask until somebody accepts; None after a pulse's length of waiting for that."""
        while await self._rested():
            if self._race is None and not await self._set_out():
                continue
            try:
                events = await self._first_events()
            except GatewayError as error:
                self._failed(error)
                continue
            if events is not None and self._pulse_s is not None:
                events.pulse_every(self._pulse_s)
            return events
        return None

    async def _set_out(self) -> bool:
        """Have the walk name a deployment; False when somebody is asked after a pause only."""
        deployment = await self._walk.next()
        if deployment is None:
            self._resumes_at = self._clock.monotonic() + self._walk.wait_s
            return False
        after_s = self._walk.hedges_after_s()
        if after_s is not None:
            self._race = self._races(after_s)
        return True

    async def _first_events(self) -> Events | None:
        """Return who answers; of a race, with what was said first, None after a pulse."""
        if self._race is None:
            deployment = self._walk.deployment
            if deployment is None or deployment.streaming is None:
                raise not_ready(deployment or self._admission.plan[0])
            self.events = await deployment.streaming.stream(self._admission.call)
            return self.events
        opening = await self._race.said(self._pulse_s)
        if opening is None:
            return None
        self._race.close()
        self._race = None
        self.events, self._held = opening
        return self.events

    async def _rested(self) -> bool:
        """Wait until somebody may be asked again; False when a pulse is due before."""
        if not self._resumes_at:
            return True
        left_s = self._resumes_at - self._clock.monotonic()
        pulse_s = left_s if self._pulse_s is None else min(left_s, self._pulse_s)
        if pulse_s > 0:
            await self._walk.pause(pulse_s)
        if pulse_s < left_s:
            return False
        self._resumes_at = 0.0
        return True

    def _failed(self, error: GatewayError) -> None:
        """Let another be asked. Raises the error when none can do better, or content has flown."""
        self._end_race()
        self._walk.failed(error, flowing=self.flowing)
        self.events = None
        self._held = b""

    def _end_race(self) -> None:
        race, self._race = self._race, None
        if race is not None:
            race.close()

    @property
    def waited_s(self) -> float:
        """How long providers have been waited for until now."""
        return self._walk.waited_s

    def arrived(self) -> None:
        """Record that the present deployment answered to the end."""
        load_percent = None if self.events is None else self.events.load_percent
        self._walk.answered(load_percent, self._admission.first_content_at)

    def close(self, error: BaseException | None = None) -> None:
        """Cancel the provider's work; `error` is what crashed, None that nobody waits any more."""
        self._end_race()
        if self.events is not None:
            self.events.close()
        self._walk.cut_off(error)

    def _races(self, after_s: float) -> Race[Opening]:
        ask = Ask(self._opening, lambda opening: opening.events.close())
        return Race(self._ground, self._admission, self._walk, ask, after_s)

    async def _opening(self, deployment: Deployment) -> Opening:
        """Ask a deployment, and read on to its first content."""
        if deployment.streaming is None:
            raise not_ready(deployment)
        events = await deployment.streaming.stream(self._admission.call)
        held = b""
        try:
            while (batch := await events.next()) is not None:
                held += batch
                if events.has_content(batch) or len(held) >= MAX_HELD_BYTES:
                    break
        except BaseException:
            events.close()
            raise
        return Opening(events, held)
