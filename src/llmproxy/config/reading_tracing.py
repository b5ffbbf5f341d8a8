"""Traces and their figures: OpenTelemetry's own variables, and Application Insights' one.

https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and
https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import re
from typing import Final
from urllib.parse import unquote

from llmproxy.config.logs import ContentRules
from llmproxy.config.reader import TOKEN, Reader, is_address
from llmproxy.config.reading_logs import content_rules_from
from llmproxy.config.settings import SettingError
from llmproxy.config.tracing import SAMPLERS, CollectorSettings, TracingSettings
from llmproxy.domain.secret import Secret

ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
AZURE: Final = "APPLICATIONINSIGHTS_CONNECTION_STRING"
CAPTURE: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
"""Of OpenTelemetry's instrumentations: the words are those of its `opentelemetry-util-genai`, true
and false those of older ones."""
ON_SPANS: Final = ("span_only", "true")
ON_EVENTS: Final = ("event_only", "span_and_event")
LEAST_MS: Final = 100
"""Whoever gives less has most likely given seconds."""
_KEY: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def tracing_from(read: Reader) -> TracingSettings | None:
    """Read them. None where nobody is told anything. Raises SettingError."""
    off = read.choice("OTEL_SDK_DISABLED", "false", ("false", "true")) == "true"
    collector, (azure, azure_endpoint) = _collector(read), _azure(read)
    contents = _contents(read)
    if azure is None and (collector is None or collector.traces_url is None):
        contents = None  # there is no span to tell them on
    settings = TracingSettings(
        collector,
        azure,
        azure_endpoint,
        read.text("OTEL_SERVICE_NAME", TracingSettings.service),
        dict(_pairs(read, "OTEL_RESOURCE_ATTRIBUTES")),
        read.choice("OTEL_TRACES_SAMPLER", TracingSettings.sampler, SAMPLERS),
        _ratio(read),
        _milliseconds(read, "OTEL_METRIC_EXPORT_INTERVAL", 60_000),
        contents,
    )
    return None if off or (collector is None and azure is None) else settings


def _contents(read: Reader) -> ContentRules | None:
    """Return what holds for contents on spans, None where they are not told."""
    rules = content_rules_from(read)
    word = read.text(CAPTURE, "no_content").lower()
    if word in ON_EVENTS:
        raise SettingError(
            f"{CAPTURE}={word!r}: no events are sent here; give span_only for contents on spans, "
            "or no_content"
        )
    word = read.choice(CAPTURE, "no_content", ("no_content", "false", *ON_SPANS))
    return rules if word in ON_SPANS else None


def _collector(read: Reader) -> CollectorSettings | None:
    name = "OTEL_EXPORTER_OTLP_PROTOCOL"
    protocol = read.text(name, "http/protobuf")
    if protocol != "http/protobuf":
        raise SettingError(
            f"{name}={protocol!r}: give http/protobuf, which is all that is spoken here; collectors"
            " take it at port 4318"
        )
    everything = _url(read, ENDPOINT)
    traces = _url(read, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or _below(everything, "traces")
    metrics = _url(read, "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT") or _below(everything, "metrics")
    headers = {key: Secret(value) for key, value in _headers(read)}
    timeout_s = _milliseconds(read, "OTEL_EXPORTER_OTLP_TIMEOUT", 10_000)
    gzip = read.choice("OTEL_EXPORTER_OTLP_COMPRESSION", "none", ("none", "gzip")) == "gzip"
    certificate = read.text("OTEL_EXPORTER_OTLP_CERTIFICATE", "") or None
    if traces is None and metrics is None:
        return None
    return CollectorSettings(traces, metrics, headers, timeout_s, gzip, certificate)


def _below(url: str | None, signal: str) -> str | None:
    return None if url is None else f"{url.rstrip('/')}/v1/{signal}"


def _url(read: Reader, name: str) -> str | None:
    value = read.text(name, "")
    if not value:
        return None
    if not _is_http(value):
        raise SettingError(f"{name}: give an address such as http://127.0.0.1:4318")
    return value


def _is_http(value: str) -> bool:
    """Whether it is an address without a password, which the log of an exporter would show."""
    return is_address(value, ("http", "https")) and "@" not in value


def _pairs(read: Reader, name: str) -> list[tuple[str, str]]:
    """Return `key=value,…`, the values percent-decoded, as W3C's Baggage writes them."""
    pairs = []
    for member in read.listed(name):
        key, equals, value = member.partition("=")
        if not equals or not key.strip():
            raise SettingError(f"{name}: give key=value, several with commas between them")
        pairs.append((key.strip(), unquote(value.strip())))
    return pairs


def _headers(read: Reader) -> list[tuple[str, str]]:
    name = "OTEL_EXPORTER_OTLP_HEADERS"
    pairs = _pairs(read, name)
    for key, value in pairs:
        if not TOKEN.fullmatch(key) or not value.isprintable() or not value.isascii():
            raise SettingError(f"{name}: {key[:50]!r} or its value cannot be a header")
    return [(key.lower(), value) for key, value in pairs]


def _ratio(read: Reader) -> float:
    name = "OTEL_TRACES_SAMPLER_ARG"
    text = read.text(name, "1.0")
    try:
        ratio = float(text)
    except ValueError:
        ratio = -1.0
    if not 0 <= ratio <= 1:
        raise SettingError(f"{name}={text!r}: give a number from 0 to 1, such as 0.05")
    return ratio


def _milliseconds(read: Reader, name: str, default: int) -> float:
    value = read.text(name, str(default))
    if not (value.isascii() and value.isdigit() and int(value) >= LEAST_MS):
        raise SettingError(f"{name}={value!r}: give whole milliseconds, at least {LEAST_MS}")
    return int(value) / 1000


def _azure(read: Reader) -> tuple[Secret | None, str | None]:
    """Return the connection string, and the address that it names."""
    value = read.text(AZURE, "")
    if not value:
        return None, None
    parts = dict(part.partition("=")[::2] for part in value.strip(";").split(";"))
    told = {key.strip().lower(): text for key, text in parts.items()}
    endpoint = told.get("ingestionendpoint")
    if not _KEY.fullmatch(told.get("instrumentationkey", "")) or (
        endpoint is not None and not _is_http(endpoint)
    ):
        raise SettingError(
            f"{AZURE}: give it as the portal shows it: InstrumentationKey=…;IngestionEndpoint=…"
        )
    return Secret(value.strip(";")), None if endpoint is None else endpoint.strip()
