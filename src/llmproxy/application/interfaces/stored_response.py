"""Responses that a provider keeps, and what may be asked of one by its id."""

from dataclasses import dataclass
from typing import NamedTuple

from llmproxy.domain.caller import Caller


class Origin(NamedTuple):
    """Where a response lives: `shown` is its id as the client knows it, `upstream` the provider's.

    `deployment` is the id of the model document that made it.
    """

    shown: str
    upstream: str
    deployment: str


@dataclass(frozen=True, slots=True)
class Lookup:
    """One request about one response.

    `below` is what stands behind the id in the path (`cancel`, `input_items` or nothing), `query`
    the query as it was sent, `silence_s` the longest silence that the client waits out. `after` is
    the sequence number behind which a stream goes on, None for one from the beginning.
    """

    caller: Caller
    origin: Origin
    method: str
    below: str
    query: str
    silence_s: float | None
    after: int | None = None
