"""Limits in the words of administration. `domain.limit` checks them and names the field."""

from typing import Annotated, Any, Final

from pydantic import WithJsonSchema

from llmproxy.domain.limit import MAX_ALERTS, MAX_LIMIT, RULE_FIELDS, Measure

LIMITS: Final = "At most so much; zero allows nothing."
_WINDOWS: Final = "Minute and day slide, the month is the calendar's in UTC, a total never ends."


def _amount(measure: Measure) -> dict[str, Any]:
    kind = "number" if measure is Measure.COST else "integer"
    return {"anyOf": [{"type": kind, "minimum": 0, "maximum": MAX_LIMIT}, {"type": "null"}]}


_PROPERTIES: Final[dict[str, Any]] = {
    **{name: _amount(measure) for name, (measure, _) in RULE_FIELDS.items()},
    "concurrent_requests": _amount(Measure.REQUESTS),
    "currency": {
        "type": "string",
        "pattern": "^[A-Z]{3}$",
        "default": "USD",
        "description": "Of the costs; calls whose price is in another one are refused.",
    },
    "alert_at_percent": {
        "type": "array",
        "maxItems": MAX_ALERTS,
        "items": {"type": "integer", "minimum": 1, "maximum": 100},
        "description": "Shares of each limit at which people are told, once per window.",
    },
}
LimitsObject = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": _WINDOWS,
            "additionalProperties": False,
            "properties": _PROPERTIES,
            "examples": [{"cost_per_month": 250, "currency": "EUR", "alert_at_percent": [80]}],
        }
    ),
]
"""An object of them as it was sent or is kept."""
