"""What the providers suffer, and when: drawn from a seed, so that a run can be repeated.

At every moment one deployment of the model is healthy, and has been for `HANDOVER_S`: a call that
has just begun finds one that works until it ends. The model that stands in is under no such rule.
"""

import random
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

HANDOVER_S = 3.0
BETWEEN_CHANGES_S = 2.0
"""On average; a provider stays as it is for some multiple of it."""
ALL = 0.4
"""How often all requests of a provider fail: its breaker soon opens, and few are left that fail."""
SOME = (0.05, 0.6)
"""Else this share of them: it may fail for as long as the weather lasts."""


class Mode(StrEnum):
    """How a provider answers. The first group fails before the first content, the next after it,
    and the last not at all.
    """

    REFUSE = "refuse"  # the listener is closed
    RESET = "reset"  # RST as soon as the request is there
    CLOSE_AFTER_HEADERS = "close after headers"
    STATUS_401 = "status 401"
    STATUS_429 = "status 429"  # with retry-after: 1
    STATUS_500 = "status 500"
    STATUS_503 = "status 503"
    STATUS_529 = "status 529"
    HTML = "html"
    TRUNCATED = "truncated"
    HANG = "hang"
    HANG_AFTER_HEADERS = "hang after headers"  # streams also say who speaks
    CUT = "cut"  # FIN in the middle
    RESET_IN_THE_MIDDLE = "reset in the middle"
    HANG_IN_THE_MIDDLE = "hang in the middle"
    ERROR_EVENT = "error event"
    SLOW = "slow"
    CROWDED = "crowded"  # healthy, and so slow that calls pile up
    HEALTHY = "healthy"


AFTER_CONTENT = (Mode.CUT, Mode.RESET_IN_THE_MIDDLE, Mode.HANG_IN_THE_MIDDLE, Mode.ERROR_EVENT)
WELL = (Mode.SLOW, Mode.CROWDED, Mode.HEALTHY)
"""All calls are answered whole."""
FAULTS = tuple(mode for mode in Mode if mode not in {Mode.CROWDED, Mode.HEALTHY})
LONG_S = 600.0
CROWD_FROM_S, CROWD_TO_S = 5.0, 20.0
CALM_FROM_S = 60.0
"""A long run begins with more calls in flight than faults bring about: memory that is in use at
such a moment does not all go back to the system, and what grows after it is a leak.
"""


class Change(NamedTuple):
    """From `at_s` after the start on, a share of a provider's requests is answered so."""

    at_s: float
    provider: int
    mode: Mode
    share: float


def forecast(seed: int, deployments: int, others: int, seconds: float) -> Iterator[Change]:
    """Yield all changes of a run. The first `deployments` providers are those of the model."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    healthy_since: dict[int, float] = dict.fromkeys(range(deployments + others), -HANDOVER_S)
    at_s = 0.0
    if seconds >= LONG_S:
        yield from _crowd(deployments + others)
        at_s = CALM_FROM_S
    while True:
        at_s += draw.expovariate(1 / BETWEEN_CHANGES_S)
        if at_s >= seconds:
            return
        provider = draw.randrange(deployments + others)
        if provider not in healthy_since and draw.random() < 0.5:
            healthy_since[provider] = at_s
            yield Change(at_s, provider, Mode.HEALTHY, 1.0)
            continue
        others_well = [
            at_s - since >= HANDOVER_S
            for each, since in healthy_since.items()
            if each < deployments and each != provider
        ]
        if provider < deployments and not any(others_well):
            continue
        healthy_since.pop(provider, None)
        share = 1.0 if draw.random() < ALL else draw.uniform(*SOME)
        yield Change(at_s, provider, draw.choice(FAULTS), share)


def _crowd(providers: int) -> Iterator[Change]:
    for at_s, mode in ((CROWD_FROM_S, Mode.CROWDED), (CROWD_TO_S, Mode.HEALTHY)):
        for provider in range(providers):
            yield Change(at_s, provider, mode, 1.0)
