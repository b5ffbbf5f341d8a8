"""Jamba on Vertex AI by its wire: its SDK asks for older packages than its neighbours here.

ai21 4.3.0 was run against the simulator by hand: plain, streamed and with tools.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulators.bodies import HELLO, WEATHER
from tests.simulators.runner import running
from tests.simulators.vertex_partners import PartnersSimulator

JAMBA = "/v1/projects/p/locations/us-central1/publishers/ai21/models/jamba-1.5-mini@001"


@pytest.fixture(scope="module", name="vertex")
def _vertex() -> Iterator[PartnersSimulator]:
    with running(PartnersSimulator()) as simulator:
        yield simulator


def jamba(
    vertex: PartnersSimulator,
    verb: str = "rawPredict",
    **body: Any,  # noqa: ANN401 - any JSON
) -> httpx.Response:
    """A call as ai21's client for Vertex makes it."""
    return httpx.post(
        f"{vertex.url}{JAMBA}:{verb}",
        json={"messages": HELLO} | body,
        headers={"authorization": "Bearer vertex-token"},
    )


def test_jamba(vertex: PartnersSimulator) -> None:
    """An answer without OpenAI's frame."""
    answer = jamba(
        vertex, max_tokens=20, temperature=2, documents=[{"content": "A fact."}], n=2
    ).json()

    assert set(answer) == {"id", "choices", "usage"}
    assert answer["choices"][0]["message"]["content"] == "Simulated answer to: hello there"
    assert len(answer["choices"]) == 2
    assert answer["usage"]["total_tokens"] > 0


def test_jamba_streams(vertex: PartnersSimulator) -> None:
    """Chunks up to [DONE]; the last one is counted."""
    lines = [line for line in jamba(vertex, "streamRawPredict").text.splitlines() if line]

    assert {line[:6] for line in lines} == {"data: "}
    assert lines[0].startswith('data: {"id":"chatcmpl-')
    assert '"usage":{"prompt_tokens":' in lines[-2]
    assert lines[-1] == "data: [DONE]"


def test_jamba_calls_tools(vertex: PartnersSimulator) -> None:
    """A tool is called."""
    answer = jamba(vertex, tools=[WEATHER]).json()

    assert answer["choices"][0]["finish_reason"] == "tool_calls"
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_weather"


@pytest.mark.parametrize(
    "field",
    [
        {"model": "jamba-1.5-mini"},
        {"stream": True},
        {"seed": 1},
        {"temperature": 2.5},
        {"n": 17},
        {"response_format": {"type": "json_schema"}},
        {"messages": []},
        {"messages": [{"role": "developer", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]},
    ],
)
def test_jamba_refuses(vertex: PartnersSimulator, field: dict[str, Any]) -> None:
    """What Jamba does not know, or out of its bounds, is a 422 that names the field."""
    answer = jamba(vertex, **field)

    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][1] == next(iter(field))
