"""Azure Application Insights, as far as its ingestion endpoint sees us.

The endpoint is one of our own, in the place that the connection string names; the exporter is
Microsoft's.
"""

import json
from pathlib import Path
from typing import Any

from tests.api.asking import within
from tests.api.routing.stage import ADMIN_KEY, staged
from tests.api.tracing.receiver import Receiver, receiving
from tests.api.tracing.test_spans import WORD, chat

KEY = "11111111-2222-3333-4444-555555555555"
TAKEN = json.dumps({"itemsReceived": 1, "itemsAccepted": 1, "errors": []}).encode()


def settings(receiver: Receiver, **more: str) -> dict[str, str]:
    """A server's settings: the connection string alone switches it on."""
    place = (
        f"InstrumentationKey={KEY};IngestionEndpoint={receiver.url}/;LiveEndpoint={receiver.url}/"
    )
    return {
        "APPLICATIONINSIGHTS_CONNECTION_STRING": place,
        "OTEL_METRIC_EXPORT_INTERVAL": "500",
        **more,
    }


def items(receiver: Receiver, kind: str) -> list[dict[str, Any]]:
    """The envelopes of this type that have arrived."""
    found = [item for body in receiver.bodies("/v2.1/track") for item in json.loads(body)]
    assert all(item["iKey"] == KEY for item in found)
    return [item for item in found if item["data"]["baseType"] == kind]


def test_by_the_connection_string_alone(tmp_path: Path) -> None:
    """Requests and dependencies, one within the other, and what they have used; no content."""
    deployments = {"bad": {"priority": 0}, "good": {"priority": 1}}
    with (
        receiving(TAKEN) as portal,
        staged(tmp_path, deployments, settings(portal, OTEL_SERVICE_NAME="our-gateway")) as stage,
    ):
        stage.providers["bad"].fail_next("status", status=503)
        answer = chat(stage)
        assert answer.status == 200
        assert within(30, lambda: len(items(portal, "RemoteDependencyData")) == 2)
        [request] = items(portal, "RequestData")
        bad, good = items(portal, "RemoteDependencyData")
        said = request["data"]["baseData"]
        assert (said["name"], said["responseCode"], said["success"]) == (
            "POST /v1/chat/completions",
            "200",
            True,
        )
        assert said["properties"]["llmproxy.request_id"] == answer.headers["x-request-id"]
        assert request["tags"]["ai.cloud.role"] == "our-gateway"
        for dependency in (bad, good):
            assert dependency["tags"]["ai.operation.id"] == request["tags"]["ai.operation.id"]
            assert dependency["tags"]["ai.operation.parentId"] == said["id"]
            assert dependency["data"]["baseData"]["type"] == "GenAI | openai"
        assert [each["data"]["baseData"]["success"] for each in (bad, good)] == [False, True]
        failed = bad["data"]["baseData"]["properties"]
        assert failed["llmproxy.upstream_status"] == "503"
        assert failed["llmproxy.error"]
        used = good["data"]["baseData"]["properties"]
        usage = answer.json["usage"]
        assert used["gen_ai.usage.output_tokens"] == str(usage["completion_tokens"])

        assert within(30, lambda: _counted(portal, "http.server.request.duration") == 1)
        assert _counted(portal, "gen_ai.client.operation.duration") == 2
    paths = {path for path, _, _ in portal.posted}
    assert paths == {"/v2.1/track"}  # nothing is told to anybody but what was asked for
    for word in (WORD, ADMIN_KEY, "sk-simulator", "Simulated answer"):
        assert word.encode() not in portal.everything, word


def _counted(portal: Receiver, name: str) -> int:
    """How many were counted; each message tells what is new."""
    metrics = [each["data"]["baseData"]["metrics"][0] for each in items(portal, "MetricData")]
    return sum(each["count"] for each in metrics if each["name"] == name)


def test_a_ratio(tmp_path: Path) -> None:
    """The portal is told how many it does not see, and multiplies by that."""
    ours = {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"}
    with (
        receiving(TAKEN) as portal,
        staged(tmp_path, {"one": {}}, settings(portal, **ours)) as stage,
    ):
        for _ in range(30):
            assert chat(stage).status == 200
        assert within(30, lambda: _counted(portal, "http.server.request.duration") == 30)
        followed = items(portal, "RequestData")
        assert 0 < len(followed) < 30
        assert {each["sampleRate"] for each in followed} == {50.0}
