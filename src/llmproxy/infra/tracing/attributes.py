"""What spans say, in the conventions' words; nothing of what callers ask and are answered.

https://github.com/open-telemetry/semantic-conventions-genai (docs/gen-ai/gen-ai-spans.md) and
https://opentelemetry.io/docs/specs/semconv/http/http-spans/
"""

from typing import Final

from llmproxy.application.interfaces.journal import Closed
from llmproxy.application.interfaces.trace import Tried
from llmproxy.domain.usage import Usage
from llmproxy.infra.tracing.naming import OPERATIONS, OUTPUT_TYPES, Place, method_of, route_of
from llmproxy.infra.tracing.record import Asked, Ended
from llmproxy.infra.tracing.tracer import PARAMETERS

NANO: Final = 1_000_000_000
CACHE: Final = b"x-llmproxy-cache-status: "
WHOLE: Final = frozenset({"seed"})
WHOLE_NUMBERS: Final = range(-(2**63), 2**63)
"""Those that fit into an attribute (OpenTelemetry specification, "Attribute": 64 bit, signed)."""

Value = str | int | float | bool | tuple[str, ...]
Attributes = dict[str, Value]


def of_request(ended: Ended, error: str | None) -> Attributes:
    """Return what the span of a request says; `error` is the code of what failed here."""
    attributes = _of_http(ended)
    attributes["llmproxy.request_id"] = ended.request_id
    if error is not None:
        attributes["error.type"] = error
    said = ended.error or error
    if said is not None:
        attributes["llmproxy.error"] = said  # what a caller did wrong is no `error.type` of ours
    if ended.caller is not None:
        attributes["llmproxy.key_id"] = ended.caller.key_id
        project = ended.caller.project or ended.caller.tag
        if project:
            attributes["llmproxy.project"] = project
    at = ended.head.find(CACHE)
    if at >= 0:
        word = ended.head[at + len(CACHE) :].split(b"\n", 1)[0].strip()
        attributes["llmproxy.cache.status"] = word.decode("latin-1")
    return attributes if ended.asked is None else attributes | _of_call(ended.asked)


def _of_http(ended: Ended) -> Attributes:
    attributes: Attributes = {
        "http.request.method": method_of(ended.method),
        "url.scheme": ended.scheme,
    }
    route = route_of(ended.path)
    if route is not None:
        attributes["http.route"] = route
        attributes["url.path"] = ended.path
    if ended.server is not None:
        attributes["server.address"] = ended.server[0]
        if ended.server[1] is not None:
            attributes["server.port"] = ended.server[1]
    if ended.status:
        attributes["http.response.status_code"] = ended.status
    return attributes


def _of_call(asked: Asked) -> Attributes:
    operation: Attributes = {"gen_ai.operation.name": OPERATIONS[asked.endpoint]}
    if asked.entry is None:
        return operation
    return operation | {"gen_ai.request.model": asked.model} | _settled(asked.entry)


def _settled(entry: Closed) -> Attributes:
    """Return what the ledger says. Money is a decimal number in words: a float would round it."""
    whole, nano = divmod(entry.cost_nano, NANO)
    attributes: Attributes = {
        "llmproxy.outcome": entry.outcome.value,
        "llmproxy.cost": f"{whole}.{nano:09d}",
        "llmproxy.currency": entry.currency,
    }
    if entry.deployment is not None:
        attributes["llmproxy.deployment"] = entry.deployment
    return attributes | used_in(entry.usage)


def used_in(usage: Usage | None) -> Attributes:
    """Return what was used; the conventions count cached tokens among the input's, as we do."""
    if usage is None:
        return {}
    written = usage.cache_write_tokens + usage.cache_write_1h_tokens
    counts = {
        "gen_ai.usage.input_tokens": usage.total_input_tokens,
        "gen_ai.usage.output_tokens": usage.total_output_tokens,
        "gen_ai.usage.cache_read.input_tokens": usage.cache_read_tokens,
        "gen_ai.usage.cache_creation.input_tokens": written,
        "gen_ai.usage.reasoning.output_tokens": usage.reasoning_tokens,
    }
    attributes: Attributes = {name: count for name, count in counts.items() if count}
    if attributes and usage.estimated:
        attributes["llmproxy.usage.estimated"] = True
    return attributes


def asked_for(asked: Asked) -> Attributes:
    """Return what the caller has asked for, in numbers; nothing of its words."""
    attributes: Attributes = {}
    if asked.stream:
        attributes["gen_ai.request.stream"] = True
    if asked.choices != 1:
        attributes["gen_ai.request.choice.count"] = asked.choices
    if asked.max_output_tokens:
        attributes["gen_ai.request.max_tokens"] = asked.max_output_tokens
    kind = OUTPUT_TYPES.get(asked.endpoint)
    if kind is not None:
        attributes["gen_ai.output.type"] = kind
    for name, text in zip(PARAMETERS, asked.parameters, strict=False):
        number = None if text is None else _number(text, whole=name in WHOLE)
        if number is not None:
            attributes[f"gen_ai.request.{name}"] = number
    return attributes


def _number(text: bytes, *, whole: bool) -> float | int | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None  # null, or what the provider refused
    return number if not whole or number in WHOLE_NUMBERS else None


def of_place(operation: str, place: Place, *, for_azure: bool) -> Attributes:
    """Return what all attempts at a deployment have in common."""
    attributes: Attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": place.provider,
        "gen_ai.request.model": place.model,
        "llmproxy.deployment": place.deployment,
    }
    if for_azure:
        attributes["gen_ai.system"] = place.provider
    if place.address is not None:
        attributes["server.address"] = place.address
        if place.port is not None:
            attributes["server.port"] = place.port
    return attributes


def of_end(tried: Tried, asked: Asked, *, for_azure: bool) -> Attributes:
    """Return how an attempt ended, and what it has used.

    A session's attempt ends with its request, as that is settled.
    """
    attempt, entry = tried.attempt, asked.entry
    if attempt is None:
        if entry is None:
            return {}
        ended = {} if entry.error is None else _failed(entry.error)
        return ended | used_in(entry.usage)
    attributes: Attributes = {} if attempt.error is None else _failed(attempt.error)
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
        if for_azure:
            attributes["llmproxy.upstream_status"] = attempt.status
    return attributes | used_in(attempt.usage)


def _failed(error: str) -> Attributes:
    return {"error.type": error, "llmproxy.error": error}
