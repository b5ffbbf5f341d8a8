"""OpenTelemetry's histograms of all requests, and the ratio of those that are followed."""

from pathlib import Path
from typing import Any

from tests.api.asking import within
from tests.api.routing.stage import staged
from tests.api.tracing.collector import counted, figures, spans
from tests.api.tracing.receiver import Receiver, receiving
from tests.api.tracing.test_spans import chat, settings


def test_a_ratio(tmp_path: Path) -> None:
    """Of many requests about as many as asked are followed, all of which begin here."""
    with receiving() as collector:
        ours = settings(collector, OTEL_TRACES_SAMPLER_ARG="0.5")
        with staged(tmp_path, {"one": {}}, ours) as stage:
            for _ in range(100):
                assert chat(stage).status == 200
            assert within(30, lambda: counted(collector) == 100)
        followed = len(spans(collector)) // 2
        assert 25 <= followed <= 75  # 5 standard deviations


def test_figures(tmp_path: Path) -> None:
    """Every request counts, followed or not; tokens are those that providers reported."""
    with receiving() as collector:
        ours = settings(collector, OTEL_TRACES_SAMPLER="always_off")
        with staged(tmp_path, {"one": {}}, ours) as stage:
            used = [chat(stage).json["usage"] for _ in range(3)]
            stage.chat(stream=True)
            stage.providers["one"].fail_next("status", status=500)
            assert chat(stage).status == 200
            assert within(30, lambda: counted(collector) == 5)
            assert within(30, lambda: len(_durations(collector)) == 2)
            found = figures(collector)
            durations = found["gen_ai.client.operation.duration"]
            failed = [each for each in durations if "error.type" in each.attributes]
            assert sum(each.count for each in durations) == len(stage.providers["one"].requests)
            assert [each.count for each in failed] == [1]
            tokens = {
                each.attributes["gen_ai.token.type"]: each
                for each in found["gen_ai.client.token.usage"]
            }
            assert tokens["input"].count == tokens["output"].count == 5
            assert tokens["input"].total >= sum(each["prompt_tokens"] for each in used)
            [first] = found["gen_ai.server.time_to_first_token"]
            assert (first.count, first.attributes["gen_ai.request.model"]) == (1, "m")
        assert spans(collector) == []


def _durations(collector: Receiver) -> list[Any]:
    return figures(collector).get("gen_ai.client.operation.duration", [])
