"""Settings of traces."""

from typing import Any

import pytest

from llmproxy.config import SettingError, settings_from
from llmproxy.config.logs import ContentRules
from llmproxy.config.tracing import TracingSettings

COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318/"}
CAPTURE = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
KEY = "InstrumentationKey=11111111-2222-3333-4444-555555555555"


def tracing(**said: str) -> TracingSettings:
    """The settings with a collector and this."""
    found = settings_from({**COLLECTOR, **said}).tracing
    assert found is not None
    return found


def test_off() -> None:
    """Nothing is told to anybody unless somebody is named, or when it is switched off."""
    assert settings_from({}).tracing is None
    assert (
        settings_from({"OTEL_SERVICE_NAME": "x", "OTEL_TRACES_SAMPLER": "always_on"}).tracing
        is None
    )
    assert settings_from({**COLLECTOR, "OTEL_SDK_DISABLED": "true"}).tracing is None


def test_a_collector() -> None:
    """The paths are added to the one address, and not to those of one kind."""
    both = tracing().collector
    assert both is not None
    assert both.traces_url == "http://127.0.0.1:4318/v1/traces"
    assert both.metrics_url == "http://127.0.0.1:4318/v1/metrics"
    assert (both.timeout_s, both.gzip, both.certificate) == (10.0, False, None)
    alone = settings_from({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://c.example/in"}).tracing
    assert alone is not None
    assert alone.collector is not None
    assert (alone.collector.traces_url, alone.collector.metrics_url) == (
        "https://c.example/in",
        None,
    )


def test_headers_are_secret() -> None:
    """Decoded, and never shown."""
    found = tracing(OTEL_EXPORTER_OTLP_HEADERS="X-Key=banana%20split, other=2")
    assert found.collector is not None
    exposed = {name: value.expose() for name, value in found.collector.headers.items()}
    assert exposed == {"x-key": "banana split", "other": "2"}
    assert "banana" not in repr(found)


def test_azure() -> None:
    """The connection string alone switches it on; it is a secret."""
    found = settings_from({"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{KEY};"}).tracing
    assert found is not None
    assert found.collector is None
    assert found.azure is not None
    assert found.azure.expose() == KEY
    assert "11111111" not in repr(found)
    assert found.azure_endpoint is None
    place = "https://westeurope-5.in.applicationinsights.azure.com/"
    named = {"APPLICATIONINSIGHTS_CONNECTION_STRING": f"{KEY};IngestionEndpoint={place};"}
    told = settings_from(named).tracing
    assert told is not None
    assert told.azure_endpoint == place


def test_what_is_said_of_the_service() -> None:
    """Its name, and more, percent-decoded."""
    found = tracing(OTEL_SERVICE_NAME="gate", OTEL_RESOURCE_ATTRIBUTES="a=1,b=x%2Cy")
    assert (found.service, found.resource) == ("gate", {"a": "1", "b": "x,y"})


@pytest.mark.parametrize("word", ["", "no_content", "NO_CONTENT", "false", "False"])
def test_no_contents(word: str) -> None:
    """None are told unless somebody says so."""
    assert tracing(**{CAPTURE: word}).contents is None


@pytest.mark.parametrize("word", ["span_only", "SPAN_ONLY", "true", "True"])
def test_contents(word: str) -> None:
    """On spans, by the rules that hold for the log of contents, whether that is on or not."""
    rules = {"CONTENT_LOG_MAX_BYTES": "2048", "CONTENT_LOG_PROJECTS": "a", CAPTURE: word}
    found = tracing(**rules, CONTENT_LOG_REDACT="cpf").contents
    assert found == ContentRules(frozenset({"a"}), 2048, ("cpf",), None)
    assert settings_from({**COLLECTOR, **rules}).logs.content is None


def test_contents_without_spans() -> None:
    """Where only figures are told there is nothing to tell them on."""
    only = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://127.0.0.1:4318/v1/metrics"}
    found = settings_from({**only, CAPTURE: "true"}).tracing
    assert found is not None
    assert found.contents is None


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "give http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318", "give an address such as"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:secret@c.example", "give an address such as"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10", "give whole milliseconds, at least 100"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "soon", "give whole milliseconds"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "give key=value"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=%0d%0asecret: 1", "cannot be a header"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote", "give one of parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "5%", "give a number from 0 to 1"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan", "give a number from 0 to 1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "alone", "give key=value"),
        (CAPTURE, "EVENT_ONLY", "no events are sent here; give span_only"),
        (CAPTURE, "span_and_event", "no events are sent here; give span_only"),
        (CAPTURE, "yes", "give one of no_content, false, span_only, true"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", "secret", "as the portal shows it"),
        ("APPLICATIONINSIGHTS_CONNECTION_STRING", f"{KEY};IngestionEndpoint=x", "as the portal"),
    ],
)
def test_what_makes_no_sense(name: str, value: str, words: str) -> None:
    """The variable is named with what fits; no secret is repeated."""
    said: dict[str, Any] = {**COLLECTOR, name: value}
    with pytest.raises(SettingError, match=name) as caught:
        settings_from(said)
    assert words in str(caught.value)
    assert "secret" not in str(caught.value)
