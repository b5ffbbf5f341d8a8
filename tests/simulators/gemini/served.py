"""What every method gets."""

from dataclasses import dataclass

from tests.simulators.answer import Headers
from tests.simulators.gemini.models import Model
from tests.simulators.http import Request

FILTERED_PHRASE = "trigger the output filter"  # as tests.simulators.model has it


@dataclass(frozen=True, slots=True)
class Asked:
    """One request for a model, and the headers of its answer."""

    request: Request
    name: str
    model: Model
    headers: Headers
