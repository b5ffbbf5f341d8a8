"""One operation of a simulated API."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.answer import Answer, Headers
from tests.simulators.http import Request
from tests.simulators.rules import decoded


@dataclass(frozen=True, slots=True)
class Asked:
    """A request for a model that exists: `model` is what answers, such as a dated snapshot.

    `headers` gives the vendor's headers, with those of the rate limit when told how many tokens
    were used. `kept` is what this simulator remembers between requests.
    """

    request: Request
    model: str
    headers: Callable[[int | None], Headers]
    kept: dict[str, Any] = field(default_factory=dict)


def model_in_json(request: Request) -> str | None:
    """The `model` of a JSON body, None when it names none."""
    name = decoded(request.body).get("model")
    return name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True)
class Operation:
    """How an operation's model is found, and how it is answered (RefusalError refuses)."""

    serve: Callable[[Asked], Answer]
    model_of: Callable[[Request], str | None] = model_in_json
