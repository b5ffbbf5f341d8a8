"""Constant load: callers that ask all the time, each on a connection of its own."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.api.registry.line import Line, Reply
from tests.api.registry.truth import Asked, Outcome, Truth

MESSAGES = [{"role": "user", "content": "one two three"}]
BEFORE_THE_FIRST_S = 0.25


@dataclass(frozen=True, slots=True)
class Call:
    """One question and what came of it; times are monotonic seconds.

    `fault` says what is wrong with the answer itself: none came, it was cut, it has no end.
    """

    asked: Asked
    where: str
    began: float
    ended: float
    outcome: Outcome
    fault: str | None


async def chat(line: Line, key: str, asked: Asked) -> Reply:
    """Ask a model something."""
    body = {"model": asked.model, "messages": MESSAGES, "stream": asked.streamed}
    return await line.ask("POST", "/v1/chat/completions", key, body)


def fault_of(reply: Reply, *, streamed: bool) -> str | None:
    """What is missing from an answer that was served, None when it is whole."""
    if reply.status != 200:
        return None
    if streamed:
        whole = b'"finish_reason":"stop"' in reply.body.replace(b": ", b":")
        return None if whole and reply.body.endswith(b"data: [DONE]\n\n") else "a stream was cut"
    stopped = reply.json["choices"][0]["finish_reason"] == "stop"
    return None if stopped else "an answer without its end"


class Load:
    """Asks what `choose` says with the keys that it is given, and keeps a record of each call."""

    def __init__(self, keys: Mapping[str, str], choose: Callable[[], Asked]) -> None:
        self.calls: list[Call] = []
        self._keys = keys
        self._choose = choose

    @asynccontextmanager
    async def on(
        self, lines: Sequence[tuple[str, Line]], *, per_second: float
    ) -> AsyncIterator[None]:
        """Ask on all these lines (with the worker behind each) while the block runs."""
        pause_s = len(lines) / per_second
        ending = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for where, line in lines:
                group.create_task(self._ask_on(where, line, pause_s, ending))
            try:
                yield
            finally:
                ending.set()
        for where, line in lines:
            assert line.times_opened == 1, f"a line to {where} was cut, and led elsewhere then"

    async def _ask_on(self, where: str, line: Line, pause_s: float, ending: asyncio.Event) -> None:
        await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - no secret
        while not ending.is_set():
            began = time.monotonic()
            self.calls.append(await self._call(where, line, began))
            await asyncio.sleep(max(0.0, pause_s - (time.monotonic() - began)))

    async def _call(self, where: str, line: Line, began: float) -> Call:
        asked = self._choose()
        try:
            reply = await chat(line, self._keys[asked.who], asked)
        except (OSError, EOFError) as error:
            await line.close()
            fault = f"no answer: {type(error).__name__} {error}"
            return Call(asked, where, began, time.monotonic(), (0, None), fault)
        ended = time.monotonic()
        outcome = reply.status, reply.code
        return Call(asked, where, began, ended, outcome, fault_of(reply, streamed=asked.streamed))

    def check(self, truth: Truth) -> None:
        """Raise AssertionError when a request failed that did not have to, or was served."""
        assert self.calls
        wrong = [
            f"{call}: must be one of {truth.outcomes(call.asked, call.began, call.ended)}"
            for call in self.calls
            if call.fault is not None
            or call.outcome not in truth.outcomes(call.asked, call.began, call.ended)
        ]
        summary = Counter((call.where, call.outcome) for call in self.calls)
        assert not wrong, "\n".join([f"{len(wrong)} wrong of {dict(summary)}", *wrong[:20]])

    def check_no_return(self, truth: Truth) -> None:
        """Raise AssertionError when a worker took a key again that it had refused as revoked.

        Before a worker has learned of a new key it refuses it too: what counts is the first refusal
        after it was taken.
        """
        refused: dict[tuple[str, str], float] = {}
        taken: set[tuple[str, str]] = set()
        for call in sorted(self.calls, key=lambda each: each.ended):
            place = call.where, call.asked.who
            if call.outcome[0] == 401 and place in taken:
                refused.setdefault(place, call.ended)
            elif call.outcome[0] not in (0, 401):
                taken.add(place)
                since = refused.get(place)
                assert since is None or call.began < since, f"{call} after a refusal at {since}"
        dead = {who for who in truth.things("key") if truth.now(f"key {who}") is None}
        assert not dead or {who for _, who in refused} & dead, "no revoked key was tried again"
