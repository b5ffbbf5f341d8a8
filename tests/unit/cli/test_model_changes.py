"""`llmproxy models list --…`, `providers`, `patch`, and `import --dry-run`."""

import json
from pathlib import Path

from tests.fakes.documents import azure_document, document
from tests.unit.cli.conftest import Run
from tests.unit.cli.test_models import rows, stored


def test_look_ups(llmproxy: Run) -> None:
    """By provider, type, project, operation, code or id; --json gives the same documents."""
    documents = [
        document(id="a"),
        document(id="b", private=True, projects=["team"], operations=["embeddings"]),
        azure_document() | {"id": "c", "code": "gpt-4"},
    ]
    llmproxy("models", "import", "-", stdin=json.dumps(documents))

    def found(*options: str) -> list[str]:
        ids = [row[0] for row in rows(llmproxy("models", "list", *options).stdout)[1:]]
        printed = json.loads(llmproxy("models", "list", "--json", *options).stdout)
        assert [each["id"] for each in printed] == ids
        return ids

    assert found() == ["a", "b", "c"]
    assert found("--provider", "azure") == ["c"]
    assert found("--type", "OpenAI") == ["a", "b"]
    assert found("--project", "team", "--type", "openai") == ["a", "b"]
    assert found("--project", "others") == ["a", "c"]
    assert found("--operation", "embeddings") == ["b"]
    assert found("--name", "mini") == ["a", "b"]
    assert found("--name", "c", "--provider", "OpenAI") == []
    assert "no model fits" in llmproxy("models", "list", "--name", "x").stderr
    assert llmproxy("models", "list", "--operation", "dancing").exit_code == 2


def test_providers_are_counted(llmproxy: Run) -> None:
    """As a table and as JSON."""
    documents = [document(id="a"), document(id="b"), azure_document() | {"id": "c"}]
    llmproxy("models", "import", "-", stdin=json.dumps(documents))

    assert llmproxy("models", "providers").stdout == "provider\tmodels\nAzure\t1\nOpenAI\t2\n"
    assert json.loads(llmproxy("models", "providers", "--json").stdout) == [
        {"name": "Azure", "models": 1},
        {"name": "OpenAI", "models": 2},
    ]


def test_a_document_is_patched(llmproxy: Run) -> None:
    """Objects are entered, null removes; what would be no document any more is refused."""
    llmproxy("models", "import", "-", stdin=json.dumps(document()))
    change = {"name": "New", "parameters": {"timeout": 5}, "code": None}

    result = llmproxy("models", "patch", "gpt-mini", "-", stdin=json.dumps(change))
    bad = llmproxy("models", "patch", "gpt-mini", "-", stdin='{"provider": "Nobody"}')
    unknown = llmproxy("models", "patch", "nope", "-", stdin="{}")
    no_object = llmproxy("models", "patch", "gpt-mini", "-", stdin="[1, 2]")

    assert (result.exit_code, result.stdout) == (0, "gpt-mini is changed\n")
    assert stored(llmproxy) == [
        document(name="New", code=None, parameters={"model": "gpt-5-mini", "timeout": 5})
    ]
    assert [each.exit_code for each in (bad, unknown, no_object)] == [2, 1, 1]
    assert "provider" in bad.stderr


def test_a_dry_run_shows_the_fields_and_keeps_nothing(llmproxy: Run) -> None:
    """Of those that would change; secrets masked."""
    llmproxy("models", "import", "-", stdin=json.dumps(document()))
    planted = "sk-planted-0123456789abcdef"
    given = [document(name="New", extra={"password": planted}), document(id="second")]

    result = llmproxy("models", "import", "-", "--dry-run", stdin=json.dumps(given))

    assert result.exit_code == 0
    assert 'model gpt-mini\n  name: "GPT mini" -> "New"\n' in result.stdout
    assert "added\tsecond" in result.stdout
    assert planted not in result.output
    assert "nothing was kept; it would be: 1 changed, 1 added" in result.stderr
    assert stored(llmproxy) == [document()]


def test_models_of_a_folder_are_changed_there(llmproxy: Run, tmp_path: Path) -> None:
    """With MODELS_PATH the commands show them, and say where to change them."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "a.json").write_text(json.dumps(document()))
    env = {"MODELS_PATH": str(folder)}

    listed = llmproxy("models", "list", env=env)
    refused = llmproxy("models", "remove", "gpt-mini", env=env)

    assert "gpt-mini" in listed.stdout
    assert refused.exit_code == 1
    assert f"models come from the folder {folder} (MODELS_PATH)" in refused.stderr
