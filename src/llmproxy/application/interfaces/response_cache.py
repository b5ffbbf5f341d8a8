"""Answers that are kept: for the same question, and for the same `Idempotency-Key`."""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from llmproxy.application.interfaces.call import Call


class Form(StrEnum):
    """In what form an answer was given."""

    __hash__ = str.__hash__

    WHOLE = "whole"
    EVENTS = "events"
    """Server-sent events as they were first sent, without what ends a stream."""
    BYTES = "bytes"
    """Bytes that are no events, such as speech."""


class Shape(NamedTuple):
    """How an answer is wanted; `options` are the stream options, as canonical JSON or b""."""

    form: Form
    options: bytes = b""


@dataclass(slots=True)
class Kept:
    """A complete, successful answer, which nobody changes. Times are unix seconds.

    Not frozen: to make one would cost three times as much, and each answer that is asked for is.
    """

    shape: Shape
    headers: tuple[bytes, ...]
    """Header lines that are true of every time it is given: nothing of one call alone."""
    body: bytes
    deployment: str
    """Id of the document that answered."""
    kept_at: float
    until: float
    fingerprint: bytes = b""
    """SHA-256 of the request that it answers, where another request could ask for it."""

    @property
    def size(self) -> int:
        """About how many bytes it takes, without what a store adds."""
        return len(self.body) + sum(map(len, self.headers)) + len(self.shape.options)


class Look(Awaitable[Kept | None], Protocol):
    """An answer that is being looked for, to be awaited once or given up."""

    @abstractmethod
    def give_up(self) -> None:
        """Nobody wants to know any more."""


class ResponseCache(Protocol):
    """Keeps answers by a key of 32 or 64 bytes until their time; bounded, so that any may be gone.

    A store that is away keeps nothing and finds nothing: never an error.
    """

    @abstractmethod
    def figures(self) -> Mapping[str, float]:
        """Return what is known of the store, for metrics."""

    @abstractmethod
    async def get(self, key: bytes) -> Kept | None:
        """Return what is kept, unless its time is over."""

    @abstractmethod
    def at_hand(self, key: bytes) -> Kept | None:
        """Return what is kept as far as that is known without waiting."""

    @abstractmethod
    def begin(self, key: bytes) -> Look | None:
        """Begin to look, where that takes a while; None where `at_hand` tells all there is."""

    @abstractmethod
    def put(self, key: bytes, kept: Kept) -> "asyncio.Future[Any] | None":
        """Begin to keep it, in place of what was there.

        What it returns is done when that has happened, or has failed: None for at once.
        """


class Claims(Protocol):
    """Of several workers, one runs what is asked with one `Idempotency-Key`.

    A claim is a lease of `lease_s`, which ends by itself unless it is renewed: a worker that died
    holds nobody up. While the claims cannot be reached, everybody may run.
    """

    lease_s: float

    @abstractmethod
    async def claim(self, key: bytes, fingerprint: bytes) -> bytes | None:
        """Claim the key for this worker; it may run its own when this returns None.

        Else another worker has it: return the fingerprint of the request that runs there.
        """

    @abstractmethod
    async def renew(self, key: bytes) -> None:
        """Hold it for another while."""

    @abstractmethod
    async def release(self, key: bytes) -> None:
        """Let it go, if this worker still holds it."""


class AnswerForms(Protocol):
    """What can be told of an answer's bytes."""

    @abstractmethod
    def complete(self, call: Call, form: Form, body: bytes) -> bool:
        """Whether these bytes are a complete, successful answer to this call."""

    @abstractmethod
    def converted(self, kept: Kept, call: Call, wanted: Shape) -> bytes | None:
        """Return a kept answer in another shape; None where something would have to be invented."""
