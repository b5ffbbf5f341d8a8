"""Which models somebody asks for: the look-ups of the registry."""

from dataclasses import dataclass

from llmproxy.domain.model import Model
from llmproxy.domain.operation import Operation


@dataclass(frozen=True, slots=True)
class Selection:
    """Every field that is set must fit; nothing set selects all models."""

    name: str | None = None
    """A code or an id."""
    provider: str | None = None
    """Compared without regard to capitals."""
    model_type: str | None = None
    """Compared without regard to capitals."""
    project: str | None = None
    """A project that may use the model: public models fit every project."""
    operation: Operation | None = None

    def fits(self, model: Model) -> bool:
        """Whether this model is asked for."""
        return (
            (self.name is None or self.name in (model.code, model.id))
            and _same(self.provider, model.provider)
            and _same(self.model_type, model.model_type)
            and (self.project is None or model.visible_to(self.project))
            and (self.operation is None or model.offers(self.operation))
        )


def _same(asked: str | None, found: str) -> bool:
    return asked is None or asked.casefold() == found.casefold()
