"""One model as a row of a table."""

from typing import Final

from llmproxy.application.interfaces.model_directory import ModelView

HEADERS: Final = ("id", "code", "provider", "type", "for", "in/1M", "out/1M", "operations", "state")


def overview(view: ModelView) -> tuple[str, ...]:
    """Return the cells under `HEADERS`; a document that is not understood says so in `state`."""
    if not view.provider and not view.model_type:
        return (view.id, *["-"] * (len(HEADERS) - 2), view.state)
    return (
        view.id,
        view.code or view.id,
        view.provider,
        view.model_type,
        ", ".join(view.projects) or "nobody" if view.private else "all",
        *_prices(view),
        ", ".join(view.operations) or "-",
        view.state,
    )


def _prices(view: ModelView) -> tuple[str, str]:
    if view.free:
        return "free", "free"
    if not view.currency:
        return "-", "-"
    return f"{view.input_price} {view.currency}", f"{view.output_price} {view.currency}"
