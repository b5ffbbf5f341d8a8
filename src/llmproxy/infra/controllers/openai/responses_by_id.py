"""`/v1/responses/{id}` and what lies below it: stored responses, asked for by their ids."""

import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.stored_response import Lookup
from llmproxy.domain.errors import InvalidRequest, UnknownUrl, WrongMethod
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.openai.counter import Counter
from llmproxy.infra.controllers.visit import Visit

ROOT = "/v1/responses/"
METHODS: Mapping[str, tuple[str, ...]] = {
    "": ("GET", "DELETE"),
    "cancel": ("POST",),
    "input_items": ("GET",),
}
"""What stands behind an id, and which methods it has."""
MAX_QUERY_BYTES = 4096
MAX_SEQUENCE_DIGITS = 15


class ResponsesById:
    """Serves every path below `ROOT` that no operation of its own is found at."""

    def __init__(self, gateway: Gateway, desk: Desk) -> None:
        self._gateway = gateway
        self._desk = desk
        self._counter = Counter(gateway, desk, ends_with_done=False)

    async def __call__(self, visit: Visit) -> None:
        """Serve one request. Raises GatewayError before anything was sent."""
        method = visit.scope["method"]
        shown, below = _read_path(visit.scope["path"], method)
        caller = visit.caller = self._gateway.registry.authenticate(
            visit.key, visit.is_local, visit.named_project
        )
        query, asked = _read_query(visit.scope["query_string"])
        streams = method == "GET" and not below and asked.get("stream") == ["true"]
        after = _sequence_number(asked.get("starting_after")) if streams else None
        origin, deployment = self._gateway.recall.directory.find(shown, caller)
        visit.subject = deployment.model.code
        await self._desk.crowd.admit(visit, caller, 0)
        silence_s = self._desk.silence_s(visit)
        lookup = Lookup(caller, origin, method, below, query, silence_s, after)
        visit.follow_client()
        if streams:
            await self._counter.relay(visit, await self._gateway.recall.stream(lookup))
        else:
            await self._answer(visit, lookup)

    async def _answer(self, visit: Visit, lookup: Lookup) -> None:
        asked_at = time.perf_counter()
        reply, deployment = await self._gateway.recall(lookup)
        ended_at = time.perf_counter()
        overhead_s = asked_at - visit.started_at + time.perf_counter() - ended_at
        headers = [
            *reply.headers,
            b"content-length: %d" % len(reply.body),
            *deployment.labels,
            b"x-llmproxy-overhead-ms: %.2f" % (overhead_s * 1000),
        ]
        await visit.reply(200, headers, reply.body)


def _read_path(path: str, method: str) -> tuple[str, str]:
    """Return the id and what stands behind it. Raises UnknownUrl or WrongMethod."""
    shown, _, below = path.removeprefix(ROOT).partition("/")
    methods = METHODS.get(below)
    if not shown or methods is None:
        raise UnknownUrl(
            f"Invalid URL ({method} {path[:200]}).",
            hint="The operations are listed at /docs.",
        )
    if method not in methods:
        raise WrongMethod(f"{method} is not supported here.", allowed=", ".join(methods))
    return shown, below


def _read_query(raw: bytes) -> tuple[str, dict[str, list[str]]]:
    """Return the query as it was sent, which the provider judges, and what it says."""
    if len(raw) > MAX_QUERY_BYTES or not all(0x21 <= byte <= 0x7E for byte in raw):
        raise InvalidRequest(
            f"Invalid query: expected at most {MAX_QUERY_BYTES} printable ASCII characters.",
            code="invalid_value",
        )
    query = raw.decode("ascii")
    return query, parse_qs(query, keep_blank_values=True)


def _sequence_number(values: list[str] | None) -> int | None:
    if values is None:
        return None
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_SEQUENCE_DIGITS):
        raise InvalidRequest(
            "Invalid type for 'starting_after': expected an integer.",
            param="starting_after",
            code="invalid_type",
        )
    return int(text)
