"""The examples of docs/administration.md are run as they stand, one after another."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.api.admin.administrator import ADMIN_KEY, Administrator
from tests.api.gateway import ROOT
from tests.api.programs import needs

PAGE = (ROOT / "docs/administration.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\S*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SHELL = [text for language, text in BLOCKS if language == "sh"]
ROUTE = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) (/admin/\S+)` \|", re.MULTILINE)


def test_every_example_runs(admin: Administrator, tmp_path: Path) -> None:
    """Each answers with what was asked for, and with no error."""
    needs(shutil.which("curl"), "curl")
    answers = []
    for block in SHELL:
        done = subprocess.run(
            ["bash", "-c", block.replace("http://127.0.0.1:8000", admin.gateway.url)],
            env={**admin.gateway.environment, "LLMPROXY_ADMIN_KEY": ADMIN_KEY},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        )
        decoder = json.JSONDecoder()
        text = done.stdout
        while text:
            answer, end = decoder.raw_decode(text)
            answers.append(answer)
            text = text[end:].lstrip()
    assert len(answers) == sum(block.count("curl ") for block in SHELL) == 9
    assert [answer for answer in answers if "error" in answer] == []
    assert answers[1]["document"]["projects"] == ["team-a"]
    assert answers[4]["project"] == "team-a"
    assert answers[5]["limits"]["cost_per_month"] == 250
    assert answers[7]["suspended"] is True
    assert answers[7]["limits"] == {"cost_per_month": 1000, "currency": "EUR"}


def test_the_page_names_every_route(admin: Administrator) -> None:
    """And no other."""
    described = admin.done("GET", "/openapi.json")["paths"]
    served = {
        (method.upper(), re.sub(r"\{\w+\}", "{id}", path))
        for path, item in described.items()
        if path.startswith("/admin/") and path != "/admin/explain"
        for method in item
    }
    assert set(ROUTE.findall(PAGE)) == served


def test_the_line_of_the_audit_is_one() -> None:
    """It has the fields that the audit writes."""
    (line,) = [json.loads(text) for language, text in BLOCKS if language == "json"]
    assert list(line) == ["at", "actor", "what", "subject", "before", "after"]
