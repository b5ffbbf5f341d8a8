"""The load: so many calls a second, whatever becomes of those before."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.client import Call, Client, Ending
from tests.chaos.sdk import Sdk

STREAMED = 0.5
BY_THE_SDK_PER_S = 3.0
KEPT_EXAMPLES = 20


@dataclass(slots=True)
class Tally:
    """What became of all calls. `request_ids` stands at the number of each call."""

    endings: Counter[Ending] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    by_the_sdk: Counter[Ending] = field(default_factory=Counter)
    request_ids: list[str] = field(default_factory=list)
    examples: dict[int, str] = field(default_factory=dict)
    """Calls by their number that ended neither whole nor raised, the first few of them."""
    shown_to_the_sdk: int = 0
    not_raised: int = 0
    """Streams that broke and on which the SDK does not raise: must be 0."""
    slowest_s: float = 0.0
    latest_s: float = 0.0
    """How late the load was at most: beyond a second the figures say little."""

    @property
    def calls(self) -> int:
        """How many calls were begun."""
        return len(self.request_ids)

    def note(self, call: Call) -> None:
        """Count an ended call."""
        self.endings[call.ending] += 1
        self.request_ids[call.number] = call.request_id
        self.slowest_s = max(self.slowest_s, call.seconds)
        if call.ending is Ending.TOLD:
            self.told[call.code or ""] += 1
        bad = call.ending not in {Ending.ANSWERED, Ending.RAISED}
        if bad and len(self.examples) < KEPT_EXAMPLES:
            kind = "stream" if call.stream else "plain"
            words = f"{kind} {call.request_id}: {call.ending} {call.code}"
            self.examples[call.number] = f"{words} after {call.seconds:.2f} s"


class Load:
    """Drives both clients."""

    def __init__(self, client: Client, sdk: Sdk, seed: int, rate: float) -> None:
        self.tally = Tally()
        self._client = client
        self._sdk = sdk
        self._draw = random.Random(seed)  # noqa: S311 - repeatable
        self._rate = rate

    @property
    def in_flight(self) -> int:
        """Calls that have not ended."""
        return self.tally.calls - sum(self.tally.endings.values())

    async def drive(self, seconds: float) -> None:
        """Begin calls for so long, at random moments, and wait until all have ended."""
        began = time.monotonic()
        next_s = 0.0
        async with asyncio.TaskGroup() as calls:
            while next_s < seconds:
                await asyncio.sleep(max(0.0, began + next_s - time.monotonic()))
                now_s = time.monotonic() - began
                self.tally.latest_s = max(self.tally.latest_s, now_s - next_s)
                while next_s <= now_s and next_s < seconds:
                    calls.create_task(self._next())
                    next_s += self._draw.expovariate(self._rate)

    async def _next(self) -> None:
        call = Call(self.tally.calls, stream=self._draw.random() < STREAMED)
        self.tally.request_ids.append("")
        by_sdk = self._draw.random() < BY_THE_SDK_PER_S / max(self._rate, BY_THE_SDK_PER_S)
        began = time.monotonic()
        await (self._sdk if by_sdk else self._client).ask(call)
        call.seconds = time.monotonic() - began
        self.tally.note(call)
        if by_sdk:
            self.tally.by_the_sdk[call.ending] += 1
        elif call.stream and call.ending in {Ending.RAISED, Ending.SILENT}:
            self.tally.shown_to_the_sdk += 1
            self.tally.not_raised += not await self._sdk.raises_on(call.body)
