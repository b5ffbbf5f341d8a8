"""Tags at the door, and the examples of docs/usage.md, run as they stand."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.api.admin.administrator import ADMIN_KEY, HELLO, TAKES_EFFECT_S, Administrator
from tests.api.asking import within
from tests.api.documents import document
from tests.api.gateway import ROOT, serving
from tests.api.programs import needs
from tests.api.usage.world import CARRIED_S, World

PAGE = (ROOT / "docs/usage.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8000"
"""Of the page's examples."""
CURL = [text for text in BLOCKS if "curl" in text]
BODY = {"model": "mini", "messages": HELLO}


@pytest.mark.parametrize(
    "header", [",".join(str(number) for number in range(17)), "x" * 129, "a\xc2\x80b"]
)
def test_a_header_that_does_not_fit_is_refused(world: World, header: str) -> None:
    """By name, before any provider is asked."""
    asked = len(world.upstream.requests)
    asking = world.admin.with_key(world.keys["alpha-1"][1])
    answer = asking.ask("POST", "/v1/chat/completions", BODY, x_llmproxy_tag=header)
    assert (answer.status, answer.error["param"]) == (400, "x-llmproxy-tag")
    assert len(world.upstream.requests) == asked


def test_tags_stay_here(world: World) -> None:
    """The provider gets `metadata` as it was, and never the header."""
    tagged = [each for each in world.upstream.requests if b'"team"' in each.body]
    assert tagged
    for record in world.upstream.requests:
        assert record.header("x-llmproxy-tag") is None
    assert json.loads(tagged[0].body)["metadata"] == {"team": "blue", "step": "1"}


def test_every_example_of_the_page(tmp_path: Path) -> None:
    """Each answers with what the page says of it."""
    needs(shutil.which("curl"), "curl")
    settings = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    echo = document("echo", "Local", "Echo")
    with serving(tmp_path, [echo], settings) as gateway:
        admin = Administrator(gateway)
        _, key = admin.new_key(project="team-a")
        assert within(TAKES_EFFECT_S, lambda: admin.status(key) == 200)

        def said(block: str) -> str:
            return subprocess.run(
                ["bash", "-c", "set -euo pipefail\n" + block.replace(ADDRESS, gateway.url)],
                env={
                    **gateway.environment,
                    "LLMPROXY_ADMIN_KEY": ADMIN_KEY,
                    "LLMPROXY_API_KEY": key,
                },
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=30,
                check=True,
            ).stdout

        marked, administering, own = CURL
        assert '"content":"Hello!"' in said(marked)
        total = "/admin/usage?since=2020-01-01"
        assert within(CARRIED_S, lambda: bool(admin.done("GET", total)["data"]))
        decoder = json.JSONDecoder()
        text = said(administering)
        sums, end = decoder.raw_decode(text)
        calls = json.loads(text[end:])
        assert [each["project"] for each in sums["data"]] == ["team-a"]
        assert calls["data"][0]["tags"] == ["search", "experiment-7", "team=blue"]
        with (tmp_path / "usage.csv").open(newline="") as file:
            assert [row["model"] for row in csv.DictReader(file)] == ["echo"]
        assert json.loads((tmp_path / "calls.jsonl").read_text()) == calls["data"][0]
        assert json.loads(said(own))["month"]["totals"][0]["requests"] == 1
