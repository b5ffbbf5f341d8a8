"""The deployments of a call, and the order in which they are asked."""

from typing import NamedTuple

from llmproxy.application.interfaces.upstream import Deployment

Plan = tuple[Deployment, ...]


class Ordered(NamedTuple):
    """A plan in the order in which it is asked. The first `well` of it are well.

    The others are the last resort: it is known of them that they fail, rest or are nearly full.
    """

    plan: Plan
    well: int
