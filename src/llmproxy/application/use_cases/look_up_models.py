"""Which models there are, as the documents of a store tell: nobody serves them here."""

from collections.abc import Mapping

from llmproxy.application.interfaces.document_repository import DocumentRepository, StoredDocument
from llmproxy.application.interfaces.model_directory import ModelDirectory, ModelView
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Model
from llmproxy.domain.price_fields import money
from llmproxy.domain.selection import Selection


class LookUpModels(ModelDirectory):
    """Reads the documents anew each time; `environment` resolves what they leave to variables."""

    def __init__(self, models: DocumentRepository, environment: Mapping[str, str]) -> None:
        self._models = models
        self._environment = environment

    async def look_up(self, selection: Selection) -> list[ModelView]:
        """Return what fits."""
        views = [self._view(each, selection) for each in await self._models.load_all()]
        return [view for view in views if view is not None]

    def _view(self, stored: StoredDocument, selection: Selection) -> ModelView | None:
        try:
            model = parse_model(stored.document, environment=self._environment).model
        except DocumentError as error:
            if selection != Selection():
                return None
            return not_understood(stored.id, error.problems[0].text)
        return view_of(model) if selection.fits(model) else None


def not_understood(model_id: str, reason: str) -> ModelView:
    """Return the view of a document that cannot be used."""
    return ModelView(
        id=model_id,
        code="",
        name="",
        provider="",
        model_type="",
        private=False,
        projects=(),
        operations=(),
        free=False,
        currency="",
        input_price="",
        output_price="",
        state=f"refused: {reason}",
    )


def view_of(model: Model) -> ModelView:
    """Return a model at a glance."""
    price = model.price
    return ModelView(
        id=model.id,
        code=model.code,
        name=model.name,
        provider=model.provider,
        model_type=model.model_type,
        private=model.private,
        projects=tuple(sorted(model.projects)),
        operations=tuple(sorted(model.operations)),
        free=price is not None and price.free,
        currency="" if price is None else price.currency,
        input_price="" if price is None else money(price.input_nano_per_mtok),
        output_price="" if price is None else money(price.output_nano_per_mtok),
        state=_state(model),
    )


def _state(model: Model) -> str:
    if model.parameters.unresolved:
        return f"waits for {', '.join(model.parameters.unresolved)}"
    if model.price is None:
        return "refused: no price"
    return "ok" if model.operations else "refused: no operation"
