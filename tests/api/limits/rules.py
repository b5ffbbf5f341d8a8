"""Every limit that there is, set so that two calls fit, and what the third is told.

Written down here a second time: the words are not asked of the gateway's own code.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.api.asking import Answer
from tests.api.limits.stage import TOKEN, counting, month_end, seconds, sent_bytes

MEASURES = ("requests", "tokens", "cost")
WINDOWS = ("per_minute", "per_day", "per_month", "total")
FIELDS = tuple(f"{measure}_{window}" for window in WINDOWS for measure in MEASURES)
USED, MOST = 4, 8
"""Tokens that come back, and that may come back."""
PROMPT_TOKENS = 9
"""Of `count to 4`, as the simulator counts: 3 words, 3 for the message, 3 for the answer."""
_PER = {
    "per_minute": ("per min", "PM", 60.0, 62.0),
    "per_day": ("per day", "PD", 86_400.0, 87_300.0),
    "per_month": ("per month", "", 0.0, 0.0),
    "total": ("in total", "", 0.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class Call:
    """What a call asks for and uses of a measure."""

    asked: Decimal
    used: Decimal

    @property
    def two(self) -> Decimal:
        """The limit into which two fit, one after the other, and no third."""
        return self.asked + self.used


def call_of(field: str, model: str) -> Call:
    """A call of this model, in what this limit counts."""
    measure = field.partition("_")[0]
    if measure == "requests":
        return Call(Decimal(1), Decimal(1))
    if measure == "cost":
        return Call(MOST * TOKEN, USED * TOKEN)
    size = sent_bytes(counting(model, USED, MOST))
    return Call(Decimal(size + MOST), Decimal(PROMPT_TOKENS + USED))


def limit_of_two(field: str, model: str) -> dict[str, Any]:
    """Limits of a scope: this one field, for calls of this model."""
    two = call_of(field, model).two
    return {field: int(two) if two == int(two) else float(two)}


@dataclass(frozen=True, slots=True)
class Told:
    """A refusal to be checked: of which scope's limit, for a call of which model."""

    kind: str
    name: str
    field: str
    model: str

    @property
    def is_budget(self) -> bool:
        """Whether waiting is not what helps."""
        return self.field.endswith(("_month", "_total")) or self.field == "cost_per_day"

    def check(self, refusal: Answer) -> None:
        """Check status, type, code, param, words, and when to come again."""
        assert refusal.status == 429
        error = refusal.error
        assert error["param"] is None
        code = "insufficient_quota" if self.is_budget else "rate_limit_exceeded"
        assert error["code"] == code
        assert error["type"] == ("insufficient_quota" if self.is_budget else "rate_limit_error")
        assert refusal.headers["x-should-retry"] == ("false" if self.is_budget else "true")
        message = error["message"]
        assert message.endswith(f" The limit is `{self.field}` of the {self.kind}.")
        used_up = " is used up" if self.is_budget else ""
        assert f"{self._what}{used_up}: {self._figures()}. " in message
        self._check_time(refusal, message)

    @property
    def _what(self) -> str:
        measure, _, window = self.field.partition("_")
        per, letters, _, _ = _PER[window]
        where = {
            "key": f" with key `{self.name}`",
            "project": f" in project `{self.name}`",
            "model": "",
            "deployment": f" at its deployment `{self.name}`",
        }[self.kind]
        short = f" ({measure[0].upper()}{letters})" if letters and measure != "cost" else ""
        return f"for `{self.model}`{where} on {measure} {per}{short}"

    def _figures(self) -> str:
        call = call_of(self.field, self.model)
        figures = {"Limit": call.two, "Used": 2 * call.used, "Requested": call.asked}
        if self.kind in {"model", "deployment"}:
            del figures["Used"]
        money = " USD" if self.field.startswith("cost") else ""
        return ", ".join(f"{word} {n.normalize():f}{money}" for word, n in figures.items())

    def _check_time(self, refusal: Answer, message: str) -> None:
        window = self.field.partition("_")[2]
        _, _, least_s, most_s = _PER[window]
        if window == "total":
            assert " It is not renewed by itself. " in message
            assert "retry-after" not in refusal.headers
            return
        found = re.search(r"(?:Please try again in|again in) ([\dhms.]+)\. The limit", message)
        assert found, message
        wait_s = seconds(found[1])
        if window == "per_month":
            left_s = (month_end() - datetime.now(UTC)).total_seconds()
            assert left_s <= wait_s <= left_s + 10
        else:
            # It was admitted some moments ago, which is less than a busy machine's pauses.
            assert least_s - 10 < wait_s <= most_s
        if self.is_budget:
            assert "retry-after" not in refusal.headers
            assert message.startswith("You exceeded your current quota, please check your plan")
        else:
            assert message.startswith("Rate limit reached for ")
            assert int(refusal.headers["retry-after-ms"]) == round(wait_s * 1000)
            assert int(refusal.headers["retry-after"]) == -(-round(wait_s * 1000) // 1000)
