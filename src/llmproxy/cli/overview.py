"""One stored document as a row of a table."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from llmproxy.application.interfaces.model_repository import StoredModel
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Model
from llmproxy.domain.pricing import NANO, Price

HEADERS: Final = ("id", "code", "provider", "type", "for", "in/1M", "out/1M", "operations", "state")


def overview(stored: StoredModel, environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the cells under `HEADERS`; a document that is not understood says so in `state`."""
    try:
        model, _ = parse_model(stored.document, environment=environment)
    except DocumentError as error:
        return (stored.id, *["-"] * (len(HEADERS) - 2), f"refused: {error.problems[0].text}")
    return (
        model.id,
        model.code,
        model.provider,
        model.model_type,
        ", ".join(sorted(model.projects)) or "nobody" if model.private else "all",
        *_prices(model.price),
        ", ".join(sorted(model.operations)) or "-",
        _state(model),
    )


def _prices(price: Price | None) -> tuple[str, str]:
    if price is None:
        return "-", "-"
    if price.free:
        return "free", "free"
    return (
        f"{_figure(price.input_nano_per_mtok)} {price.currency}",
        f"{_figure(price.output_nano_per_mtok)} {price.currency}",
    )


def _figure(nano: int) -> str:
    return f"{(Decimal(nano) / NANO).normalize():f}"


def _state(model: Model) -> str:
    if model.parameters.unresolved:
        return f"waits for {', '.join(model.parameters.unresolved)}"
    if model.price is None:
        return "refused: no price"
    return "ok" if model.operations else "refused: no operation"
