"""A crossing is told in the log, in the metrics and, where there is one, at a webhook."""

import logging
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.limiter import Alerts, Crossing
from llmproxy.domain.limit import Measure
from llmproxy.domain.limit_words import amount_words
from llmproxy.domain.price_fields import money
from llmproxy.infra.alerts.webhook import Webhook
from llmproxy.infra.wire.usage_words import instant

logger = logging.getLogger("llmproxy.limits")
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Announcer(Alerts):
    """Tells each crossing at once in the log; the webhook follows by itself."""

    def __init__(self, clock: Clock, webhook: Webhook | None = None) -> None:
        self._clock = clock
        self._webhook = webhook
        self._told: Counter[str] = Counter()

    @override
    def crossed(self, crossing: Crossing) -> None:
        self._told[f"{crossing.kind.value}_{crossing.rule}"] += 1
        used, most = (
            amount_words(crossing.measure, amount, crossing.currency)
            for amount in (crossing.used, crossing.most)
        )
        logger.warning(
            "%d %% of %s of the %s %r is reached: %s of %s",
            crossing.percent,
            crossing.rule,
            crossing.kind.value,
            crossing.name,
            used,
            most,
        )
        if self._webhook is not None:
            self._webhook.send(body_of(crossing, self._clock.now()))

    def counts(self) -> Mapping[str, float]:
        """Return how many crossings were told, by kind of scope and rule: `key_cost_per_month`.

        With a webhook also how many of its messages were sent, failed or dropped.
        """
        webhook = {} if self._webhook is None else self._webhook.counts()
        return {**self._told, **webhook}


def body_of(crossing: Crossing, at: float) -> bytes:
    """Return the message of a webhook: a JSON object, costs as exact decimal numbers.

    `at` is the time in ISO 8601, in UTC; `window_began` is null for what has no beginning.
    """
    return _encode(
        {
            "type": "limit.threshold",
            "scope": {"kind": crossing.kind.value, "name": crossing.name},
            "limit": crossing.rule,
            "percent": crossing.percent,
            "used": _number(crossing, crossing.used),
            "most": _number(crossing, crossing.most),
            "currency": crossing.currency or None,
            "window_began": None if crossing.window_began is None else _time(crossing.window_began),
            "at": _time(at),
        }
    )


def _number(crossing: Crossing, amount: int) -> int | Decimal:
    if crossing.measure is not Measure.COST:
        return amount
    return Decimal(money(amount))


def _time(at: float) -> str:
    return instant(at, "seconds")
