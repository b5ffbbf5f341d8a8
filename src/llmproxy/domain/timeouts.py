"""How long a deployment is waited for, where its document says so."""

import dataclasses
from dataclasses import dataclass
from typing import Final

from llmproxy.domain.fields import Fields

MAX_TIMEOUT_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds; None leaves the gateway's own setting.

    `connect_s` is for opening a connection, `first_token_s` from the request to the first content
    of the answer, `between_tokens_s` for each silence after it, `total_s` for all of it.
    """

    connect_s: float | None = None
    first_token_s: float | None = None
    between_tokens_s: float | None = None
    total_s: float | None = None


TIMEOUT_FIELDS: Final = tuple(each.name for each in dataclasses.fields(Timeouts))


def read_timeouts(fields: Fields) -> Timeouts | None:
    """Read `timeouts`: an object with seconds; None where the document has none."""
    section = fields.section("timeouts")
    if section is None:
        return None
    section.only(TIMEOUT_FIELDS)
    return Timeouts(*[section.seconds(name, MAX_TIMEOUT_S) for name in TIMEOUT_FIELDS])
