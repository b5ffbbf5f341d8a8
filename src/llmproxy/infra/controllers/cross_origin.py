"""Pages of other origins: which of them may call the API from a browser (CORS).

The Fetch standard (fetch.spec.whatwg.org, "CORS protocol"). What a browser asks beforehand (a
preflight) is answered here and needs no key: it cannot carry one. Administration and figures are
never opened so: no page has business there.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.domain.errors import Forbidden
from llmproxy.infra.controllers.asgi import Headers, Receive, Scope, Send
from llmproxy.infra.controllers.visit import Visit

ORIGIN: Final = b"origin"
WANTED_METHOD: Final = b"access-control-request-method"
WANTED_HEADERS: Final = b"access-control-request-headers"
CLOSED: Final = ("/admin", "/metrics", "/openapi.json", "/docs")
MAX_ECHOED_BYTES: Final = 8192
EXPOSED: Final = (
    "x-request-id",
    "retry-after",
    "retry-after-ms",
    "x-should-retry",
    "openai-processing-ms",
    "openai-version",
    *(
        f"x-ratelimit-{what}-{of}"
        for what in ("limit", "remaining", "reset")
        for of in ("requests", "tokens")
    ),
    "x-llmproxy-cache-status",
    "x-llmproxy-changed",
    "x-llmproxy-cost",
    "x-llmproxy-deployment",
    "x-llmproxy-dropped",
    "x-llmproxy-idempotent-replay",
    "x-llmproxy-model",
    "x-llmproxy-overhead-ms",
    "x-llmproxy-upstream-request-id",
)
"""Headers of answers that a page's scripts may read, beside the few that every page may."""


class Rules(NamedTuple):
    """Who may, and what. `origins` None are all, `headers` None are those that a page asks for."""

    origins: frozenset[str] | None
    headers: Sequence[str] | None
    methods: Sequence[str]
    credentials: bool
    max_age_s: int


class OpenVisit(Visit):
    """A visit whose answer says which page may read it; made by `opened`, over any kind."""

    # No slots: with one of its own it could not be joined with a kind that has others.

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self.further: Headers = []

    @override
    def _stamp(self, headers: Headers) -> None:
        super()._stamp(headers)
        headers += self.further


def opened(kind: type[Visit]) -> type[Visit]:
    """Return what is a visit of this kind and open to pages."""
    return type(f"Open{kind.__name__}", (OpenVisit, kind), {})


class CrossOrigin:
    """Stands at the door while an origin may call; without one the door does not ask.

    The visits of such a door are `opened`.
    """

    def __init__(self, rules: Rules) -> None:
        self._origins = None if rules.origins is None else _encoded(rules.origins)
        self._headers = None if rules.headers is None else _joined(rules.headers)
        exposed = b"access-control-expose-headers: " + _joined(EXPOSED)
        self._always: Headers = [b"vary: Origin"] if rules.origins is not None else []
        self._let_in: Headers = [*self._always, exposed]
        self._before: Headers = [
            b"access-control-allow-methods: " + _joined(rules.methods),
            b"access-control-max-age: %d" % rules.max_age_s,
        ]
        if rules.credentials:
            self._let_in.append(b"access-control-allow-credentials: true")

    async def answered(self, visit: Visit) -> bool:
        """Have the answer say who may read it; return whether this was all that was asked.

        Raises Forbidden for a preflight of an origin that may not.
        """
        path = visit.scope["path"]
        if not isinstance(visit, OpenVisit) or path.startswith(CLOSED):
            return False
        origin = visit.headers.get(ORIGIN)
        wanted = None
        if visit.scope["method"] == "OPTIONS":
            wanted = visit.headers.get(WANTED_METHOD)
        if origin is None or not self._may(origin):
            visit.further = self._always
            if origin is not None and wanted is not None:
                raise _forbidden(origin)
            return False
        visit.further = [*self._let_in, b"access-control-allow-origin: " + self._told(origin)]
        if wanted is None:
            return False
        visit.further += self._preflight(visit.headers.get(WANTED_HEADERS, b""))
        await visit.reply(204, [], b"")
        return True

    def _may(self, origin: bytes) -> bool:
        return self._origins is None or origin in self._origins

    def _told(self, origin: bytes) -> bytes:
        return b"*" if self._origins is None else origin

    def _preflight(self, wanted: bytes) -> Headers:
        headers = self._headers
        if headers is None:
            headers = wanted if len(wanted) <= MAX_ECHOED_BYTES and wanted.isascii() else b""
        lines = list(self._before)
        if headers:
            lines.append(b"access-control-allow-headers: " + headers)
        return lines


def _encoded(origins: frozenset[str]) -> frozenset[bytes]:
    return frozenset(each.encode("ascii") for each in origins)


def _joined(words: Sequence[str]) -> bytes:
    return ", ".join(words).encode("ascii")


def _forbidden(origin: bytes) -> Forbidden:
    shown = origin[:200].decode("ascii", "replace")
    return Forbidden(
        f"Pages of {shown} may not call this gateway.",
        code="origin_not_allowed",
        hint="An operator can allow them: CORS_ALLOW_ORIGINS.",
    )
