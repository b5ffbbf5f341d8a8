"""Whether the hosts of providers can be reached: name, TCP, TLS, and an answer to `GET /`.

The way is that of requests, proxies included; the question carries no key and costs nothing.
"""

import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import GatewayError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.connection import Connection
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Origin, Patience, Target
from llmproxy.infra.wire.json_object import JsonObject

_NOBODY: Final = Caller(key_id="doctor", project=None, models=None, admin=True, expires_at=None)
_QUESTIONS: Final[Mapping[Endpoint, bytes]] = {
    Endpoint.CHAT_COMPLETIONS: b'{"model":"m","messages":[{"role":"user","content":"OK?"}]}',
    Endpoint.EMBEDDINGS: b'{"model":"m","input":"OK?"}',
    Endpoint.IMAGES_GENERATIONS: b'{"model":"m","prompt":"OK?"}',
    Endpoint.AUDIO_SPEECH: b'{"model":"m","input":"OK?","voice":"alloy"}',
}
"""Rendered only, never sent: where they would go is looked at."""


class Reached(NamedTuple):
    """A host that answered. Times in seconds; `skew_s` is positive where our clock is ahead.

    `certificate_left_s` is None without TLS, `skew_s` where the answer has no date.
    """

    took_s: float
    certificate_left_s: float | None
    skew_s: float | None


class NotingClient(HttpClient):
    """Notes the hosts that adapters make targets for."""

    def __init__(self, *, max_connections: int, proxies: Proxies) -> None:
        super().__init__(max_connections=max_connections, proxies=proxies)
        self._noted: set[Origin] = set()

    @override
    def target(self, url: str, headers: dict[str, str], method: str = "POST") -> Target:
        made = super().target(url, headers, method)
        self._noted.add(made.origin)
        return made

    def noting(self) -> set[Origin]:
        """Return a set that gathers the origins of all targets from now on."""
        self._noted = set()
        return self._noted


async def origins_of(
    deployment: Deployment, client: NotingClient, noted: set[Origin]
) -> set[Origin]:
    """Return where a deployment that was built with `client` calls; `noted` while it was built."""
    if noted or deployment.rendering is None:
        return set(noted)
    found = client.noting()
    for call in _calls(deployment.model):
        try:
            await deployment.rendering.render(call)
        except (GatewayError, ValueError):
            continue  # a question that this model does not take: another one tells where it is
    return set(found)


def _calls(model: Model) -> Iterator[Call]:
    for endpoint, body in _QUESTIONS.items():
        operation = OPERATION_OF[endpoint]
        if model.offers(operation):
            yield Call(
                request_id="doctor",
                caller=_NOBODY,
                endpoint=endpoint,
                operation=operation,
                model=model.code,
                body=JsonObject(body),
                prompt_bytes=len(body),
                max_output_tokens=None,
                choices=1,
                stream=False,
                silence_s=None,
                started_at=0.0,
            )


async def reach(client: HttpClient, origin: Origin, limit_s: float, clock: Clock) -> Reached:
    """Ask a host for `/`; whatever it answers will do. Raises TransportError."""
    url = f"{origin.scheme}://{origin.authority}/"
    asked = client.target(url, {"accept-encoding": "identity", "user-agent": "llmproxy"}, "GET")
    began = clock.monotonic()
    exchange, _ = await client.fetch(asked, b"", Patience(limit_s, limit_s, limit_s, limit_s))
    now = clock.now()
    took_s = clock.monotonic() - began
    line = exchange.line
    left_s = _certificate_left_s(line, now) if isinstance(line, Connection) else None
    return Reached(took_s, left_s, skew_s(dict(exchange.headers).get(b"date"), now))


def _certificate_left_s(line: Connection, now: float) -> float | None:
    tls = line.transport.get_extra_info("ssl_object")
    certificate = tls.getpeercert() if isinstance(tls, ssl.SSLObject) else None
    ends = (certificate or {}).get("notAfter")
    return ssl.cert_time_to_seconds(ends) - now if isinstance(ends, str) else None


def skew_s(date: bytes | None, now: float) -> float | None:
    """Return by how much `now` is ahead of HTTP's Date; None for one that cannot be read."""
    if date is None:
        return None
    try:
        return now - parsedate_to_datetime(date.decode("ascii")).timestamp()
    except (ValueError, UnicodeDecodeError):
        return None
