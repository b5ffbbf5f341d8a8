"""The words of refusals by limits: OpenAI's, since applications and their authors know them.

OpenAI's own, as its API answers (read in issues of projects that use it, 2024 to 2025):

- "Rate limit reached for gpt-4 in organization org-… on tokens per min (TPM): Limit 10000, Used
  8782, Requested 8172. Please try again in 41.724s."
- "Request too large for gpt-4o in organization org-… on tokens per min (TPM): Limit 30000,
  Requested 31538. The input or output tokens must be reduced in order to run successfully."
- "You exceeded your current quota, please check your plan and billing details."

The scope of a limit is told in place of the organization. How much of a model's or a deployment's
limit is used is not told: others have used it.
"""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from llmproxy.domain.errors import BudgetSpent, Forbidden, GatewayError, Later, RateLimited
from llmproxy.domain.limit import Measure, Rule, Window
from llmproxy.domain.price_fields import money

HELD_S: Final = 1.0
"""When to come again for what calls in flight hold: they give it back at any moment."""
_WHERE: Final = {
    "key": " with key `{name}`",
    "project": " in project `{name}`",
    "model": "",
    "deployment": " at its deployment `{name}`",
}
_SHARED: Final = ("model", "deployment")
_PER: Final = {
    Window.MINUTE: ("per min", "PM"),
    Window.DAY: ("per day", "PD"),
    Window.MONTH: ("per month", ""),
    Window.TOTAL: ("in total", ""),
}


class Shortage(NamedTuple):
    """A rule that leaves no room for a call. Costs are nano-units of `currency`.

    `kind` and `name` are the scope's, `model` is what the caller asked for. `frees_s` is in how
    many seconds enough has left the window, with all that is held still held; None for never.
    """

    kind: str
    name: str
    model: str
    rule: Rule
    currency: str
    used: int
    held: int
    asked: int
    frees_s: float | None

    @property
    def is_budget(self) -> bool:
        """Whether it is an allotment rather than a rate."""
        window = self.rule.window
        if window is Window.DAY:
            return self.rule.measure is Measure.COST
        return window is not Window.MINUTE

    @property
    def only_held(self) -> bool:
        """Whether nothing stands in the way but what calls in flight may give back."""
        return self.used + self.asked <= self.rule.most


def refusal_of(short: Shortage) -> RateLimited | BudgetSpent:
    """Return what such a call is refused with."""
    error = _refusal(short)
    error.limit = (short.kind, short.rule.field)
    return error


def _refusal(short: Shortage) -> RateLimited | BudgetSpent:
    most = short.rule.most
    if short.is_budget and short.used >= most:
        return _spent(short)
    if short.asked > most:
        return _too_large(short)
    if not short.is_budget:
        return _rate(short)
    return _reserved(short) if short.only_held else _spent(short)


def concurrent_refusal(kind: str, name: str, model: str, running: int, most: int) -> RateLimited:
    """Return the refusal of one more call than may run at once."""
    used = "" if kind in _SHARED else f"Running {running}, "
    wait = HELD_S if most else None
    error = RateLimited(
        f"Rate limit reached for `{model}`{_where(kind, name)} on concurrent requests: "
        f"Limit {most}, {used}Requested 1.{_again(wait)}{_setting(kind, 'concurrent_requests')}",
        retry_after_s=wait,
    )
    error.final = not most
    error.limit = (kind, "concurrent_requests")
    return error


def currency_refusal(kind: str, currency: str, model: str) -> Forbidden:
    """Return the refusal of a call whose price is in another currency than the budget."""
    return Forbidden(
        f"The budget of the {kind} is in {currency}, and the price of the model `{model}` is not.",
        code="budget_currency",
        hint="An administrator can give both the same currency.",
    )


def longest(errors: Sequence[GatewayError]) -> GatewayError:
    """Return the refusal that stands in the way longest: waiting for another one is in vain."""
    return max(errors, key=_blocks_s)


def shortest(errors: Sequence[GatewayError]) -> GatewayError:
    """Return the refusal that goes first, where one of several has to."""
    return min(errors, key=_blocks_s)


def _blocks_s(error: GatewayError) -> float:
    waits = isinstance(error, Later) and not getattr(error, "final", False)
    if waits and isinstance(error, Later) and error.retry_after_s is not None:
        return error.retry_after_s
    return math.inf


def amount_words(measure: Measure, amount: int, currency: str) -> str:
    """Return an amount; a cost as the exact decimal, such as `0.25 USD`."""
    return f"{money(amount)} {currency}" if measure is Measure.COST else str(amount)


def wait_words(seconds: float) -> str:
    """Return a time in which to come again, in `duration_words`; rounded up."""
    return duration_words(math.ceil(seconds * 1000))


def duration_words(ms: int) -> str:
    """Write a time as OpenAI does, which is Go's way: `120ms`, `41.724s`, `6m0s`, `1h2m3s`."""
    if ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    seconds = f"{rest / 1000:g}s"
    if minutes < 60:
        return f"{minutes}m{seconds}" if minutes else seconds
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}"


def _rate(short: Shortage) -> RateLimited:
    # A request in flight stays a request; its tokens may come to less than what is held.
    held_only = short.only_held and short.rule.measure is not Measure.REQUESTS
    wait = HELD_S if held_only else _rounded(short.frees_s)
    return RateLimited(
        f"Rate limit reached for {_what(short)}: {_figures(short)}.{_again(wait)}"
        f"{_setting(short.kind, short.rule.field)}",
        retry_after_s=wait,
    )


def _reserved(short: Shortage) -> RateLimited:
    return RateLimited(
        f"What is left of the budget for {_what(short)} is reserved by requests in flight: "
        f"{_figures(short)}.{_again(HELD_S)}{_setting(short.kind, short.rule.field)}",
        code="budget_reserved",
        retry_after_s=HELD_S,
    )


def _too_large(short: Shortage) -> RateLimited:
    limit = amount_words(short.rule.measure, short.rule.most, short.currency)
    asked = amount_words(short.rule.measure, short.asked, short.currency)
    reduce = " The input or output tokens must be reduced in order to run successfully."
    if short.rule.measure is Measure.REQUESTS:
        reduce = " It allows none."
    error = RateLimited(
        f"Request too large for {_what(short)}: Limit {limit}, Requested {asked}.{reduce}"
        f"{_setting(short.kind, short.rule.field)}"
    )
    error.final = True
    return error


def _spent(short: Shortage) -> BudgetSpent:
    renewal = "It is not renewed by itself."
    if short.frees_s is not None:
        renewal = f"It has room for this request again in {wait_words(short.frees_s)}."
    return BudgetSpent(
        "You exceeded your current quota, please check your plan and billing details. "
        f"The quota for {_what(short)} is used up: {_figures(short)}. {renewal}"
        f"{_setting(short.kind, short.rule.field)}",
    )


def _what(short: Shortage) -> str:
    rule = short.rule
    per, letters = _PER[rule.window]
    short_form = ""
    if letters and rule.measure is not Measure.COST:
        short_form = f" ({rule.measure[0].upper()}{letters})"
    where = _where(short.kind, short.name)
    return f"`{short.model}`{where} on {rule.measure} {per}{short_form}"


def _where(kind: str, name: str) -> str:
    return _WHERE[kind].format(name=name)


def _figures(short: Shortage) -> str:
    measure, currency = short.rule.measure, short.currency
    figures = [("Limit", short.rule.most)]
    if short.kind not in _SHARED:
        if measure is Measure.REQUESTS:
            figures.append(("Used", short.used + short.held))
        else:
            figures.append(("Used", short.used))
            if short.held:
                figures.append(("Reserved", short.held))
    figures.append(("Requested", short.asked))
    return ", ".join(f"{word} {amount_words(measure, n, currency)}" for word, n in figures)


def _again(wait: float | None) -> str:
    return "" if wait is None else f" Please try again in {wait_words(wait)}."


def _setting(kind: str, field: str) -> str:
    return f" The limit is `{field}` of the {kind}."


def _rounded(seconds: float | None) -> float | None:
    """Round up to a millisecond: what the message says and what the header says is one time."""
    return None if seconds is None else math.ceil(seconds * 1000) / 1000
