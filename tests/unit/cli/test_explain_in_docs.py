"""docs/explain.md: its examples are what the command says, its lists what the code holds."""

import json
import re
from pathlib import Path
from typing import get_args

from llmproxy.application.steps.bound import ASSUMED_OUTPUT_TOKENS
from llmproxy.application.use_cases.explain import LIKELY_OUTPUT_TOKENS, MAX_CANDIDATES
from llmproxy.infra.controllers.admin.explain import FIELDS, MAX_ASKED_BYTES
from llmproxy.infra.providers.rendered import HARMLESS, HARMLESS_PARAMETERS
from llmproxy.infra.schemas.explain import ExplainRequest, Explanation, Refused, UpstreamRequest
from tests.unit.cli.conftest import Run

PAGE = (Path(__file__).parents[3] / "docs" / "explain.md").read_text("utf-8")
BLOCK = re.compile(r"```(\w+)\n(.*?)\n```", re.DOTALL)
SECRETS = {"TEAM_OPENAI_KEY": "sk-live-0123456789", "TEAM_ANTHROPIC_KEY": "sk-ant-0123456789"}


def blocks(kind: str) -> list[str]:
    """The examples of a kind."""
    return [text for found, text in BLOCK.findall(PAGE) if found == kind]


def section(title: str) -> str:
    """The text under a heading."""
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_the_example(llmproxy: Run) -> None:
    """Word for word."""
    models, request, _ = blocks("json")
    assert llmproxy("models", "import", "-", stdin=models).exit_code == 0
    result = llmproxy("explain", "-", "--project", "alpha", stdin=request, env=SECRETS)
    assert result.stdout.rstrip() == blocks("text")[0]


def test_the_request_over_http() -> None:
    """It is one, and its fields are those of the table."""
    asked = json.loads(blocks("json")[2])
    ExplainRequest.model_validate(asked)
    assert set(asked) == FIELDS
    for name in FIELDS:
        assert f"\n| `{name}` |" in PAGE


def test_fields_of_the_answer() -> None:
    """Each is named; so is whoever refuses, and each part of a request."""
    over_http = section("Over HTTP")
    plain = {"object", "endpoint", "operation", "caller", "model", "stream"}
    for name in Explanation.model_fields.keys() - plain:
        assert f"\n| `{name}` |" in over_http
    for word in get_args(Refused.model_fields["by"].annotation):
        assert f"\n- `{word}`: " in over_http
    for name in UpstreamRequest.model_fields.keys() - {"body_bytes"}:
        assert f"`{name}`" in over_http


def test_what_is_shown_of_headers() -> None:
    """The whole list, and nothing else."""
    listed = section("Secrets").partition("All others")[0]
    assert set(re.findall(r"`([^`]+)`", listed)) == HARMLESS
    parameters = section("Secrets").partition("all parameters of a URL but")[2].partition(".")[0]
    assert set(re.findall(r"`([^`]+)`", parameters)) == HARMLESS_PARAMETERS


def test_figures() -> None:
    """They are those of the code."""
    assert f"{ASSUMED_OUTPUT_TOKENS:,}" in section("Figures")
    assert f"{LIKELY_OUTPUT_TOKENS} tokens to an answer" in section("Figures")
    assert f"at most {MAX_CANDIDATES}, each" in PAGE
    assert f"at most {MAX_ASKED_BYTES // 1024**2} MiB" in PAGE
