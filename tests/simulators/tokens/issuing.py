"""The tokens that were issued, each one different."""

import itertools
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from tests.simulators.answer import RefusalError
from tests.simulators.http import Request


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """One access token. `kind` is the way it was asked for (`service_account`, `client_secret` …),
    `scope` what for (of managed identities the resource), `subject` who got it.
    """

    token: str
    kind: str
    scope: str
    subject: str
    expires_in: int  # seconds
    issued_at: float  # epoch seconds

    @property
    def expires_at(self) -> int:
        """Epoch seconds."""
        return int(self.issued_at) + self.expires_in


@dataclass(slots=True)
class Mint:
    """Issues `tok-1`, `tok-2` …, valid for `expires_in` seconds. A number is never given twice.
    `always` is the one token that is issued instead, for tests of what is called with it.
    """

    expires_in: int = 3600
    always: str | None = None
    issued: list[IssuedToken] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def issue(self, kind: str, *, scope: str, subject: str) -> IssuedToken:
        """A new token."""
        name = self.always or f"tok-{next(self._numbers)}"
        token = IssuedToken(name, kind, scope, subject, self.expires_in, time.time())
        self.issued.append(token)
        return token


def form_of(request: Request) -> dict[str, str]:
    """The fields of a urlencoded form, which OAuth asks for (RFC 6749, appendix B)."""
    if not (request.header("content-type") or "").startswith("application/x-www-form-urlencoded"):
        raise oauth_error(400, "invalid_request", "The body is not a urlencoded form.")
    return dict(parse_qsl(request.body.decode("latin-1"), keep_blank_values=True))


def oauth_error(status: int, error: str, description: str) -> RefusalError:
    """An error as RFC 6749, 5.2 has it."""
    envelope = {"error": error, "error_description": description}
    return RefusalError(status, description, envelope=envelope)
