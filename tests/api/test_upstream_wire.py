"""What arrives at the upstream: path, credential, version and the very bytes of the body."""

import json
from typing import Any

import openai
import pytest

from tests.api.conftest import Upstreams
from tests.simulators.bodies import HELLO
from tests.simulators.recording import RecordedRequest
from tests.simulators.simulator import Simulator

ODD = (
    b'{"model": "compatible", "big": 123456789012345678901234567890, "exp": 1E2,'
    b' "float": 1.10, "neg": -0.0, "text": "\\u00e9\\/",  "messages" : [ {"role":"user",'
    b'"content":"hello there"} ], "nested": {"b": 1, "a": [1E400, 2]}, "temperature": 1.0}'
)


def _only(simulator: Simulator) -> RecordedRequest:
    [record] = simulator.requests
    return record


def _ask(client: openai.OpenAI, model: str, **more: Any) -> None:  # noqa: ANN401 - any field
    client.chat.completions.create(model=model, messages=HELLO, **more)


def test_openai(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """OpenAI is asked with the document's key, and never sees the caller's."""
    _ask(client, "gpt-4o-mini")
    record = _only(upstreams.openai)

    assert record.target == "/v1/chat/completions"
    assert record.header_values("authorization") == ["Bearer sk-simulator"]
    assert record.header_values("content-type") == ["application/json"]
    assert record.header_values("content-length") == [str(len(record.body))]
    assert record.header("api-key") is None
    assert not [value for _, value in record.headers if "sk-none" in value]
    assert not [name for name, _ in record.headers if name.lower().startswith("x-stainless")]


def test_azure_dated(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """The dated API is asked by deployment and version, with `api-key` only."""
    _ask(client, "azure-dated")
    record = _only(upstreams.azure)

    assert record.target == "/openai/deployments/chat/chat/completions?api-version=2024-10-21"
    assert record.header_values("api-key") == ["azure-key"]
    assert record.header("authorization") is None


@pytest.mark.parametrize("model", ["azure-v1", "foundry-v1"])
def test_azure_v1(client: openai.OpenAI, upstreams: Upstreams, model: str) -> None:
    """The v1 API is asked without a version, the deployment is the model."""
    _ask(client, model)
    record = _only(upstreams.azure if model == "azure-v1" else upstreams.foundry)

    assert record.target == "/openai/v1/chat/completions"
    assert record.header_values("api-key") == ["azure-key"]
    assert record.json["model"] == ("chat" if model == "azure-v1" else "gpt-4o-mini")


def test_foundry_legacy(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """The legacy API is asked with its version, and told to pass extra parameters through."""
    _ask(client, "foundry-legacy", n=2)
    record = _only(upstreams.foundry)

    assert record.target == "/models/chat/completions?api-version=2024-05-01-preview"
    assert record.header_values("extra-parameters") == ["pass-through"]
    assert record.header_values("api-key") == ["azure-key"]
    assert (record.json["model"], record.json["n"]) == ("gpt-4o-mini", 2)


def test_the_bytes_of_every_field_arrive(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """Only `model` changes: every other field arrives as it was written, in its order."""
    client.post("/chat/completions", content=ODD, cast_to=object)
    body = _only(upstreams.compatible).body

    assert json.loads(body)["model"] == "gpt-4o"
    for text in (
        b"123456789012345678901234567890",
        b"1E2",
        b"1.10",
        b"-0.0",
        b'"\\u00e9\\/"',
        b'[ {"role":"user","content":"hello there"} ]',
        b'{"b": 1, "a": [1E400, 2]}',
        b"1.0",
    ):
        assert text in body
    assert list(json.loads(body)) == list(json.loads(ODD))


def test_the_bytes_of_every_field_arrive_from_the_sdk(
    client: openai.OpenAI, upstreams: Upstreams
) -> None:
    """`extra_body` reaches the upstream with all 30 digits."""
    _ask(client, "compatible", extra_body={"big": 10**29 + 7, "deep": {"x": [None, True]}})
    body = _only(upstreams.compatible).body

    assert b"100000000000000000000000000007" in body
    assert json.loads(body)["deep"] == {"x": [None, True]}


def test_unknown_fields_are_the_upstreams_to_refuse(
    client: openai.OpenAI, upstreams: Upstreams
) -> None:
    """OpenAI's refusal of a field reaches the caller in OpenAI's words."""
    with pytest.raises(openai.BadRequestError) as refused:
        _ask(client, "gpt-4o-mini", extra_body={"big": 10**29})

    assert (refused.value.code, refused.value.param) == ("unknown_parameter", "big")
    assert b"100000000000000000000000000000" in _only(upstreams.openai).body


def test_usage_is_asked_for(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """A stream asks the upstream for usage; the caller's own stream options are kept."""
    list(
        client.chat.completions.create(
            model="gpt-4o-mini",
            messages=HELLO,
            stream=True,
            stream_options={"include_obfuscation": False},
        )
    )

    assert _only(upstreams.openai).json["stream_options"] == {
        "include_obfuscation": False,
        "include_usage": True,
    }


def test_document_defaults(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """A document's `temperature` is sent when the request has none, and never over it."""
    _ask(client, "warm")
    _ask(client, "warm", temperature=1.5)

    sent = [record.json["temperature"] for record in upstreams.openai.requests]
    assert sent == [0.25, 1.5]
    assert upstreams.openai.requests[0].json["model"] == "gpt-4o"


def test_connections_are_kept(client: openai.OpenAI, upstreams: Upstreams) -> None:
    """Requests one after another use one upstream connection, plain and streamed."""
    for _ in range(3):
        _ask(client, "compatible")
        list(client.chat.completions.create(model="compatible", messages=HELLO, stream=True))

    assert len({record.connection for record in upstreams.compatible.requests}) == 1


def test_what_the_upstream_refuses_of_the_platform(
    client: openai.OpenAI, upstreams: Upstreams
) -> None:
    """A model that the provider does not have is the platform's fault, in words without secrets."""
    with pytest.raises(openai.InternalServerError) as failed:
        _ask(client, "missing")

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_misconfigured")
    assert failed.value.response.headers["x-should-retry"] == "false"
    assert "gpt-0" not in failed.value.message
    assert len(upstreams.openai.requests) == 1
