"""Who is asked first: priorities, weights, strategies, affinity; and nothing of it is lost."""

import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.routing.stage import staged
from tests.simulators.azure_openai import AzureOpenAISimulator

WEIGHTED = {
    "first": {"priority": 1, "weight": 3},
    "second": {"priority": 1, "weight": 1},
    "spare": {"priority": 2},
}


def test_priorities_and_weights(tmp_path: Path) -> None:
    """Of eight calls six and two, none to the spare one; a failing one's calls go to the other."""
    with staged(tmp_path, WEIGHTED) as stage:
        assert stage.served(8) == {"first": 6, "second": 2}
        assert stage.served(8, stream=True) == {"first": 6, "second": 2}
        stage.providers["first"].fail_next("status", times=None, status=500)
        assert stage.served(8) == {"second": 8}
        stage.providers["second"].fail_next("status", times=None, status=500)
        assert stage.served(4) == {"spare": 4}


def test_explained(tmp_path: Path) -> None:
    """The order that is shown is the one that is walked, and nobody's turn is taken by looking."""
    with staged(tmp_path, WEIGHTED | {"other": {"code": "o", "fallbacks": ["m"]}}) as stage:
        for _ in range(4):
            shown = stage.explained()
            assert [each["turn"] for each in shown["candidates"]] == [1, 2, 3]
            assert {each["state"] for each in shown["candidates"]} == {"closed"}
            assert stage.chat() == shown["candidates"][0]["deployment"]
        [stand_in] = stage.explained("o")["stand_ins"]
        assert (stand_in["cause"], stand_in["model"], stand_in["refused"]) == ("any", "m", None)
        assert sorted(stand_in["deployments"]) == ["first", "second", "spare"]


def test_least_outstanding(tmp_path: Path) -> None:
    """Calls that hang on one deployment keep others away from it."""
    routing = {"routing": {"strategy": "least_outstanding"}}
    with staged(tmp_path, {"slow": routing, "quick": {}}) as stage:
        stage.providers["slow"].fail_next("timing", times=None, delay_ms=1500)
        threads = [threading.Thread(target=stage.chat) for _ in range(2)]
        for thread in threads:
            thread.start()
        assert within(10.0, lambda: stage.seen()["slow"] >= 1)
        served: Counter[str] = stage.served(6)
        for thread in threads:
            thread.join()
        assert served == {"quick": 6}


def test_lowest_latency(tmp_path: Path) -> None:
    """The quick one is asked, the slow one only as often as it takes to know."""
    routing = {"routing": {"strategy": "lowest_latency"}}
    with staged(tmp_path, {"slow": routing, "quick": {}}) as stage:
        stage.providers["slow"].fail_next("timing", times=None, delay_ms=150)
        stage.served(6)
        assert stage.served(15)["quick"] >= 14


def test_cheapest(tmp_path: Path) -> None:
    """Whatever the order of registration."""
    dear = {"currency": "USD", "input": 0.01, "output": 0.02}
    routing = {"routing": {"strategy": "cheapest"}, "costs": dear}
    with staged(tmp_path, {"dear": routing, "cheap": {}}) as stage:
        assert stage.served(5) == {"cheap": 5}
        stage.providers["cheap"].fail_next("status", status=500)
        assert stage.chat() == "dear"


def test_affinity(tmp_path: Path) -> None:
    """One `prompt_cache_key` stays with one deployment, and comes back to it after a failure."""
    four = {f"d{number}": {} for number in range(4)}
    with staged(tmp_path, four) as stage:
        homes = {}
        for key in ("a", "b", "c", "d", "e", "f", "g", "h"):
            served = stage.served(3, prompt_cache_key=key)
            assert len(served) == 1
            [homes[key]] = served
        assert len(set(homes.values())) > 1
        stage.providers[homes["a"]].fail_next("status", status=500)
        assert stage.chat(prompt_cache_key="a") != homes["a"]
        assert stage.chat(prompt_cache_key="a") == homes["a"]


@pytest.mark.parametrize("stream", [False, True], ids=["plain", "stream"])
def test_provisioned_throughput(tmp_path: Path, *, stream: bool) -> None:
    """It spills over before it is full, and calls come back when it has room."""
    deployments = {
        "azure-ptu": {"priority": 0, "provisioned": {"spill_at": 80}},
        "azure-paid": {"priority": 1},
    }
    with staged(tmp_path, deployments) as stage:
        ptu = stage.providers["azure-ptu"]
        assert isinstance(ptu, AzureOpenAISimulator)
        ptu.utilization = 40.0
        assert stage.served(5, stream=stream) == {"azure-ptu": 5}
        ptu.utilization = 90.0  # half way from 80 to 100: about half of the calls go elsewhere
        served = stage.served(21, stream=stream)
        assert served["azure-ptu"] == pytest.approx(10.5, abs=1.5)
        assert stage.conditions()["azure-ptu"]["state"] == "shedding"
        assert stage.conditions()["azure-ptu"]["load_percent"] == 90.0
        ptu.utilization = 50.0
        stage.served(4, stream=stream)
        assert stage.served(6, stream=stream) == {"azure-ptu": 6}
        # Full after all: Azure says when it may be asked again.
        told = {"retry-after-ms": "1500", "retry-after": "2"}
        ptu.fail_next("status", status=429, headers=told)
        assert stage.served(4, stream=stream) == {"azure-paid": 4}
        assert stage.conditions()["azure-ptu"]["state"] == "resting"
        assert within(10.0, lambda: stage.chat(stream=stream) == "azure-ptu")
