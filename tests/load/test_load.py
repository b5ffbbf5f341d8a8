"""`scripts/load` for a few seconds, with each of its tools; it needs the environment `load`."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.api.programs import needs
from tests.load import upstream
from tests.load.run import own_site
from tests.load.upstream import Upstream, running

ROOT = Path(__file__).parents[2]
LIMIT_S = 90.0
KINDS = set(upstream.OPERATIONS)
FIRST_EVENT = "chat, streamed: first event"
LATER_EVENTS = 22
"""Events of a stream that come after the first."""


def load(*options: str, **variables: str) -> tuple[int, str]:
    """Run `scripts/load`; its exit code and what it printed."""
    return ran("tests.load", *options, **variables)


def locust(*words: str, **variables: str) -> tuple[int, str]:
    """Run locust itself; the same."""
    return ran("locust", *words, **variables)


def ran(module: str, *words: str, **variables: str) -> tuple[int, str]:
    """Run a module to its end; its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    return done.returncode, done.stdout


def result(*options: str, **variables: str) -> dict[str, Any]:
    """Of a run in which everything went well."""
    code, said = load(*options, "--json", **variables)
    assert code == 0, said
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def test_every_kind_of_call() -> None:
    """All are made, none fails, and metrics, ledger and provider have counted every one."""
    found = result("--users", "12", "--seconds", "6", "--rate", "60", "--answer-ms", "40")

    rows = {row["name"]: row for row in found["rows"]}
    assert set(rows) == KINDS | {FIRST_EVENT}
    assert all(row["calls"] > 0 and row["failures"] == 0 for row in rows.values())
    assert rows[FIRST_EVENT]["calls"] == rows["chat, streamed"]["calls"]
    # The provider takes 40 ms, and 5 ms for each further event.
    assert rows["chat"]["p50_ms"] >= 39
    assert rows[FIRST_EVENT]["p50_ms"] >= 39
    assert rows["chat, streamed"]["p50_ms"] >= rows[FIRST_EVENT]["p50_ms"] + 4 * LATER_EVENTS
    counts = found["counts"]
    assert set(counts) == {"sent", "/metrics", "the provider", "the ledger"}
    assert counts["/metrics"] == counts["the ledger"] == counts["the provider"] == counts["sent"]
    assert sum(counts["sent"].values()) <= 60 * found["took_s"] + 12
    assert found["load_cpu_s"] > 0
    if Path("/proc/self/stat").exists():
        assert found["gateway"]["resident_mb"] > 10
        assert found["gateway"]["most_mb"] >= found["gateway"]["resident_mb"]


@pytest.mark.parametrize("tool", ["wrk", "ab"])
def test_whole_chat_completions(tool: str) -> None:
    """wrk and ab make them, and the gateway has counted what they have."""
    needs(shutil.which(tool), tool)
    options = (
        "--tool",
        tool,
        "--users",
        "4",
        "--seconds",
        "2",
        "--calls",
        "60",
        "--answer-ms",
        "5",
    )
    found = result(*options)

    [row] = found["rows"]
    assert row["failures"] == 0
    assert row["calls"] == 60 or tool == "wrk"
    assert 4 <= row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
    for place in ("/metrics", "the ledger"):
        counted = found["counts"][place]["ChatCompletion"]
        assert row["calls"] <= counted <= row["calls"] + (4 if tool == "wrk" else 0)


def test_a_gateway_that_is_there(tmp_path: Path) -> None:
    """Only what is asked for is sent to it, with the key; its own figures are compared."""
    with own_site(tmp_path, Upstream(answer_s=0.01)) as site:
        keys = {"LLMPROXY_KEY": site.key, "LLMPROXY_ADMIN_KEY": site.admin_key}
        options = ("--url", site.url, "--users", "2", "--seconds", "2", "--rate", "20", "ChatUser")
        found = result(*options, **keys)
        assert [row["name"] for row in found["rows"]] == ["chat"]
        counts = found["counts"]
        assert counts["/metrics"] == counts["sent"]
        assert counts["the key's usage"] == {"all calls": counts["sent"]["ChatCompletion"]}

        code, said = load(*options, "--slo-p95-ms=1", **keys)
        assert code == 1
        assert "objective missed: chat: p95 is" in said
        assert "DIFFERENT" not in said

        code, said = load(*options, **keys | {"LLMPROXY_KEY": "sk-wrong"})
        assert code == 2
        assert "error: /v1/usage says 401" in said
    code, said = load(*options, **keys)
    assert code == 2
    assert "cannot be reached" in said


def test_failures_are_seen() -> None:
    """A stream that breaks off and an answer without content fail, each by its name."""
    with running(Upstream(answer_s=0.005, event_s=0.001)) as provider:
        provider.broken = True
        variables = {"LLMPROXY_KEY": upstream.KEY, "LOAD_RATE_PER_USER": "5"}
        words = ["-f", "tests/locustfile.py", "--headless", "--host", provider.url]
        words += ["-u", "10", "-r", "10", "-t", "3s", "--stop-timeout", "10", "--only-summary"]
        code, said = locust(*words, **variables)

        assert code == 1
        for failure in (
            "the stream broke off",
            "a completion without content",
            "1 embeddings for 2 texts",
            "speech of no bytes",
            "a transcription without text",
        ):
            assert failure in said
        assert sum(provider.counts.values()) > 10

        provider.broken = False
        code, said = locust(*words, **variables | {"LLMPROXY_KEY": "sk-wrong"})
        assert code == 1
        assert "status 401: bad_key" in said


@pytest.mark.parametrize(
    ("objectives", "code", "words"),
    [
        (("--slo-p95-ms=20000", "--slo-errors-percent=0"), 0, None),
        (("--slo-p95-ms=1",), 1, "objective missed: chat: p95 is"),
        (("--slo-first-event-p95-ms=1",), 1, "objective missed: chat, streamed: first event: p95"),
    ],
)
def test_objectives(objectives: tuple[str, ...], code: int, words: str | None) -> None:
    """They decide on the exit code, and those that are missed are named."""
    began = time.monotonic()
    with running(Upstream(answer_s=0.02)) as provider:
        options = ("-f", "tests/locustfile.py", "--headless", "--host", provider.url)
        options += ("-u", "2", "-r", "2", "-t", "2s", "--stop-timeout", "10", *objectives)
        found, said = locust(*options, "ChatUser", "StreamUser", LLMPROXY_KEY=upstream.KEY)

    assert found == code, said
    assert ("objective missed" in said) is (words is not None)
    assert words is None or words in said
    assert time.monotonic() - began < LIMIT_S


@pytest.mark.parametrize(
    "options",
    [
        ("--users", "0"),
        ("--tool", "wrk", "--rate", "5"),
        ("--tool", "ab", "ChatUser"),
        ("--tool", "siege"),
        ("--rate", "-1"),
    ],
)
def test_a_wrong_call(options: tuple[str, ...]) -> None:
    """It is refused before anything is started."""
    code, said = load(*options)
    assert code == 2
    assert "error:" in said
