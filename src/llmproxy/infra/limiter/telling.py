"""Crossings of limits, told to people."""

from collections.abc import Iterable

from llmproxy.application.interfaces.limiter import Alerts, Crossing, Scope
from llmproxy.domain.limit import Measure
from llmproxy.domain.scope_counters import ScopeCounters
from llmproxy.domain.windows import Passed


class Telling:
    """Puts what counters have passed into words for `alerts`, if there are any."""

    def __init__(self, alerts: Alerts | None) -> None:
        self._alerts = alerts

    def tell(self, scope: Scope, counters: ScopeCounters, passed: Iterable[Passed]) -> None:
        """Tell each."""
        if self._alerts is None:
            return
        for counter, percent in passed:
            money = counter.measure is Measure.COST
            self._alerts.crossed(
                Crossing(
                    scope.kind,
                    scope.name,
                    counter.rule.field,
                    percent,
                    counter.used + (counter.held if counter.measure is Measure.REQUESTS else 0),
                    counter.most,
                    counters.currency if money else "",
                    counter.measure,
                    counter.began,
                )
            )
