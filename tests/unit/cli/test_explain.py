"""`llmproxy explain`: over the store, in words and in JSON."""

import json
from pathlib import Path

import pytest

from llmproxy.cli.explain import explain_request
from llmproxy.cli.explanation import MAX_SHOWN
from llmproxy.infra.schemas.explain import Explanation
from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

KEY = "sk-live-0123456789"
ENVIRONMENT = {"EXPLAIN_KEY": KEY, "EXPLAIN_NOT_SET": ""}
BODY = '{"model": "mini", "messages": [{"role": "user", "content": "hi"}], "seed": 1e400}'
OPENAI = document(priority=1, parameters={"model": "gpt-5-mini", "secret_name": "EXPLAIN_KEY"})
STRICT = document(
    id="claude",
    provider="Anthropic",
    model_type="Anthropic",
    fallbacks=["plan"],
    parameters={"model": "claude-opus-4-5", "secret_name": "EXPLAIN_KEY"},
)
UNREADY = document(id="unready", parameters={"secret_name": "EXPLAIN_NOT_SET"})
PRIVATE = document(
    id="echo",
    code="plan",
    provider="Local",
    model_type="Echo",
    parameters={},
    private=True,
    projects=["alpha"],
)


@pytest.fixture(name="explain")
def _explain(llmproxy: Run) -> Run:
    """A function that explains; the documents above are registered."""
    documents = json.dumps([OPENAI, STRICT, UNREADY, PRIVATE])
    assert llmproxy("models", "import", "-", stdin=documents).exit_code == 0

    def explain(*arguments: str, stdin: str = BODY) -> object:
        return llmproxy("explain", *arguments, stdin=stdin, env=ENVIRONMENT)

    return explain  # type: ignore[return-value]


def test_in_words(explain: Run) -> None:
    """Who answers, who is asked in which order with what, and who is left out."""
    result = explain("-")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()

    assert lines[0] == "request   POST /v1/chat/completions, from command line"
    assert lines[1:3] == ["model     mini", "answer    from gpt-mini"]
    assert "1. claude  (Anthropic)" in lines
    assert any(line.startswith("   refuses  400: Unsupported parameter: 'seed'") for line in lines)
    assert "   POST https://api.openai.com/v1/chat/completions" in lines
    assert "   authorization: Bearer *****" in lines
    assert '     "seed": 1e400' in lines
    assert any(
        line.startswith("left out  unready (OpenAI): the secret EXPLAIN_NOT_SET") for line in lines
    )
    [stand_in] = [line for line in lines if line.startswith("stands in plan after any (left out:")]
    assert "does not exist or you do not have access" in stand_in
    assert KEY not in result.stdout + result.stderr
    assert result.stderr == ""


def test_in_json(explain: Run) -> None:
    """As the HTTP API answers, and bytes stay what they are."""
    result = explain("-", "--json")
    answer = Explanation.model_validate_json(result.stdout)
    assert answer.served_by == "gpt-mini"
    assert '"seed":1e400' in result.stdout
    assert KEY not in result.stdout


def test_as_somebody(explain: Run, llmproxy: Run) -> None:
    """A project's private model is explained for its project, or for one of its keys."""
    body = BODY.replace("mini", "plan")
    key = llmproxy("keys", "create", "--project", "alpha")
    key_id = key.stderr.removeprefix("llmproxy: ").split()[0]

    assert "refused   by the model: 404 model_not_found" in explain("-", stdin=body).stdout
    for who in (("--project", "alpha"), ("--key", key_id)):
        shown = explain("-", *who, stdin=body).stdout
        assert "answer    from echo" in shown
        sender = "key_" if who[0] == "--key" else "the project alpha"
        assert f"completions, from {sender}" in shown
        assert "   sends    nothing: the gateway answers by itself" in shown


def test_a_file(explain: Run, tmp_path: Path) -> None:
    """And another endpoint."""
    path = tmp_path / "request.json"
    path.write_text('{"model": "mini", "input": "x"}')
    result = explain(str(path), "--endpoint", "/v1/embeddings")
    assert "refused   by the model: 400 operation_not_supported" in result.stdout


def test_a_long_body_is_cut(explain: Run) -> None:
    """In words; JSON has all of it."""
    long = BODY.replace("hi", "x" * MAX_SHOWN).replace(', "seed": 1e400', "")
    assert "characters more: --json shows all)" in explain("-", stdin=long).stdout
    assert "x" * MAX_SHOWN in explain("-", "--json", stdin=long).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nowhere.json",), 1, "nowhere.json: No such file"),
        (("-", "--key", "a", "--project", "b"), 2, "not both"),
        (("-", "--key", "key_none"), 1, "No key has the id 'key_none'"),
        (("-", "--endpoint", "/v1/files"), 2, "no operation with a JSON body"),
    ],
)
def test_what_cannot_be_explained(
    explain: Run, arguments: tuple[str, ...], code: int, words: str
) -> None:
    """It is said on stderr."""
    result = explain(*arguments)
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr


def test_a_file_that_is_not_json(explain: Run) -> None:
    """It never stands inside of something else."""
    result = explain("-", stdin='{}, "as": {"project": "alpha"}')
    assert (result.exit_code, result.stdout) == (1, "")
    assert "stdin: not JSON" in result.stderr


def test_the_body_stands_in_the_request_as_it_is() -> None:
    """White space and numbers too."""
    assert explain_request(b'{ "a":1E2 }', "/v1/x", None, "p") == (
        b'{"endpoint": "/v1/x", "as": {"project": "p"}, "body": { "a":1E2 }}'
    )
