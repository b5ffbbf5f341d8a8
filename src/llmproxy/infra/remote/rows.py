"""Reading the rows that a gateway answers with."""

from collections.abc import Mapping

from llmproxy.application.interfaces.administration import ProjectFigures
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey, limits_kept
from llmproxy.application.interfaces.model_directory import ModelView
from llmproxy.domain.costs import PriceError, price_from_costs
from llmproxy.domain.errors import Unavailable
from llmproxy.domain.price_fields import money

Row = Mapping[str, object]


def text(row: Row, name: str) -> str:
    """Return a text; empty when there is none."""
    value = row.get(name)
    return value if isinstance(value, str) else ""


def texts(row: Row, name: str) -> tuple[str, ...]:
    """Return texts; empty when there are none."""
    value = row.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def number(row: Row, name: str) -> float | None:
    """Return a number, None when there is none."""
    value = row.get(name)
    return float(value) if isinstance(value, int | float) else None


def mapping(row: Row, name: str) -> dict[str, object]:
    """Return an object; empty when there is none."""
    value = row.get(name)
    return value if isinstance(value, dict) else {}


def stored_document(row: Row) -> StoredDocument:
    """Read a row with a `document`; its etag is what `If-Match` takes."""
    return StoredDocument(
        text(row, "id"),
        mapping(row, "document"),
        text(row, "etag"),
        number(row, "updated_at") or 0.0,
    )


def model_view(row: Row) -> ModelView:
    """Read a row of `/admin/models`, with its document for the price."""
    currency, into, out, free = _price(mapping(row, "document"))
    return ModelView(
        id=text(row, "id"),
        code=text(row, "code"),
        name=text(row, "name"),
        provider=text(row, "provider"),
        model_type=text(row, "model_type"),
        private=row.get("private") is True,
        projects=texts(row, "projects"),
        operations=texts(row, "operations"),
        free=free,
        currency=currency,
        input_price=into,
        output_price=out,
        state=_state(row),
    )


def _state(row: Row) -> str:
    word, reason = text(row, "state"), text(row, "reason")
    if word == "ready":
        return "refused: no price" if row.get("price") == "missing" else "ok"
    return f"{'refused' if word == 'left_out' else word}: {reason}" if reason else word


def _price(document: Row) -> tuple[str, str, str, bool]:
    costs = document.get("costs")
    try:
        price = price_from_costs(
            costs if isinstance(costs, Mapping) else {}, free=document.get("free") is True
        )
    except PriceError:
        price = None
    if price is None:
        return "", "", "", False
    into, out = price.input_nano_per_mtok, price.output_nano_per_mtok
    return price.currency, money(into), money(out), price.free


def stored_key(row: Row) -> StoredKey:
    """Read a key. Its digest is not told: it is empty here. Raises Unavailable for odd limits."""
    try:
        limits = limits_kept(row.get("limits"))
    except ValueError as error:  # of a later version of the gateway
        raise Unavailable(
            f"The limits of the key {text(row, 'id')} cannot be read: {error}."
        ) from error
    models = row.get("models")
    return StoredKey(
        id=text(row, "id"),
        digest=b"",
        prefix=text(row, "prefix"),
        project=text(row, "project") or None,
        models=frozenset(texts(row, "models")) if isinstance(models, list) else None,
        admin=row.get("admin") is True,
        created_at=number(row, "created_at") or 0.0,
        expires_at=number(row, "expires_at"),
        revoked_at=number(row, "revoked_at"),
        replaces=text(row, "replaces") or None,
        limits=limits,
    )


def project_figures(row: Row) -> ProjectFigures:
    """Read a project."""
    identifier, etag = text(row, "id"), text(row, "etag")
    kept = ("id", "name", "description", "suspended", "limits", "weight")
    document = {name: row[name] for name in kept if row.get(name) is not None}
    stored = StoredDocument(identifier, document, etag, number(row, "updated_at") or 0.0)
    return ProjectFigures(
        identifier,
        stored if etag else None,
        int(number(row, "live_keys") or 0),
        int(number(row, "private_models") or 0),
    )
