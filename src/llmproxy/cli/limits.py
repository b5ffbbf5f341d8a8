"""Limits as options of a command, and in words."""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Final

import typer

from llmproxy.application.interfaces.key_repository import limits_kept
from llmproxy.cli.running import stop
from llmproxy.domain.limit import LIMIT_FIELDS, Limits

_AMOUNT: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_NONE: Final = "none"
_NOTHING: Final = "-"

LimitOptions = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=AMOUNT",
        help="Such as requests_per_minute=60, cost_per_month=250; can be given several times.",
        show_default=False,
    ),
]
Currency = Annotated[
    str | None, typer.Option(metavar="CODE", help="Of the costs, such as EUR; else USD.")
]
AlertAt = Annotated[
    list[int] | None,
    typer.Option(
        "--alert-at",
        metavar="PERCENT",
        help="Tell at this share of each limit; can be given several times.",
        show_default=False,
    ),
]
NoLimits = Annotated[bool, typer.Option("--none", help="Take all limits away.")]


def limits_given(
    limits: Sequence[str] | None, currency: str | None, alert_at: Sequence[int] | None
) -> dict[str, object] | None:
    """Return the options as `limits` of a document, None when none is given.

    `NAME=none` is null, which takes the limit away where there is one. Ends the command when an
    option makes no sense.
    """
    given: dict[str, object] = {}
    for each in limits or ():
        name, _, amount = each.partition("=")
        if name in given:
            stop(f"--limit: {name} is given twice", code=2)
        given[name] = _amount(each, amount)
    if currency is not None:
        given["currency"] = currency
    if alert_at:
        given["alert_at_percent"] = list(alert_at)
    return given or None


def limits_patch(
    given: dict[str, object] | None, *, none: bool
) -> dict[str, dict[str, object] | None]:
    """Return the change of a document; ends the command when nothing or both are asked for."""
    if none and given is not None:
        stop("give --none or limits, not both", code=2)
    if not none and given is None:
        stop("nothing to change: give --limit, --currency, --alert-at or --none", code=2)
    return {"limits": given}


def limit_words(limits: Limits | None) -> str:
    """Say what is limited: `250 cost_per_month (EUR), 60 requests_per_minute`; `-` for nothing."""
    if limits is None:
        return _NOTHING
    document = limits.document()
    currency = f" ({limits.currency})"
    parts = [
        f"{document[name]} {name}{currency if name.startswith('cost') else ''}"
        for name in LIMIT_FIELDS
        if name in document and name not in {"currency", "alert_at_percent"}
    ]
    if limits.alert_at_percent:
        parts.append(f"alerts at {', '.join(f'{each} %' for each in limits.alert_at_percent)}")
    return ", ".join(parts)


def may_use(words: str) -> str:
    """Say what somebody may use whose limits have these words."""
    return f"may use: {'all it asks for' if words == _NOTHING else words}"


def document_limit_words(document: Mapping[str, object]) -> str:
    """Say what the `limits` of a document limit, or that they are not good."""
    try:
        return limit_words(limits_kept(document.get("limits")))
    except ValueError as error:
        return f"bad: {error}"


def _amount(option: str, written: str) -> int | float | None:
    if written == _NONE:
        return None
    if not _AMOUNT.fullmatch(written):
        stop(f"--limit {option}: give NAME=AMOUNT, such as requests_per_minute=60", code=2)
    return float(written) if "." in written else int(written)
