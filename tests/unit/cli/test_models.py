"""`llmproxy models import | list | show | remove`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.documents import azure_document, document
from tests.unit.cli.conftest import Run

ORIGINAL = Path(__file__).parents[2] / "recorded" / "original_documents"
BAD = {
    "id": "bad",
    "provider": "Azur",
    "parameters": {"endpoint": "ftp://x"},
    "costs": {"input": -1},
}


def rows(text: str) -> list[list[str]]:
    """Split the tab-separated lines of a table, its headers first."""
    return [line.split("\t") for line in text.splitlines()]


def stored(llmproxy: Run) -> list[dict[str, Any]]:
    """Give the documents that are registered."""
    documents: list[dict[str, Any]] = json.loads(llmproxy("models", "list", "--json").stdout)
    return documents


def test_a_document_is_added_then_unchanged_then_changed(llmproxy: Run) -> None:
    """The table says which, with the place of the document."""
    said = []
    for given in (document(), document(), document(name="New")):
        result = llmproxy("models", "import", "-", stdin=json.dumps(given))
        assert result.exit_code == 0
        said.append(rows(result.stdout)[1])

    assert said == [
        ["added", "gpt-mini", "mini", "stdin:1"],
        ["unchanged", "gpt-mini", "mini", "stdin:1"],
        ["changed", "gpt-mini", "mini", "stdin:1"],
    ]
    assert stored(llmproxy) == [document(name="New")]


def test_the_original_documents_are_imported(llmproxy: Run) -> None:
    """As a folder, as they stand; of several with one id the last counts, and that is told."""
    result = llmproxy("models", "import", str(ORIGINAL))

    assert result.exit_code == 0
    table = rows(result.stdout)
    assert table[0] == ["result", "id", "code", "from"]
    assert [row[1] for row in table[1:]] == [
        *("gpt-4-azure", "deepseek-vertex", "claude-vertex"),
        *("gpt-4-azure", "deepseek-vertex", "claude-vertex", "gpt-4-omni"),
        "gpt-4-azure",
    ]
    place = f"{ORIGINAL}/one_of_each_provider.jsonc:2"
    assert table[1] == ["skipped", "gpt-4-azure", "gpt-4", place]
    assert [row[0] for row in table[1:]] == ["skipped"] * 4 + ["added"] * 4
    assert f"warning: {place}: gpt-4-azure: costs.cost_output_1Mtokens: 0.06 USD" in result.stderr
    assert f"takes the place of the one at {place}" in result.stderr
    assert len(stored(llmproxy)) == 4


def test_several_files_and_deployments_of_one_code(llmproxy: Run, tmp_path: Path) -> None:
    """Two documents with one code are two deployments, not a conflict."""
    one, two = tmp_path / "one.json", tmp_path / "two.jsonc"
    one.write_text(json.dumps([document(id="a"), document(id="b")]))
    two.write_text("// third\n" + json.dumps(document(id="c")))

    result = llmproxy("models", "import", str(one), str(two))

    assert [row[:3] for row in rows(result.stdout)[1:]] == [
        ["added", name, "mini"] for name in ("a", "b", "c")
    ]
    assert result.stderr == "llmproxy: 3 added\n"


def test_one_bad_document_stops_all(llmproxy: Run) -> None:
    """Every fault is named with file, line, document and field; nothing is imported."""
    text = f"{json.dumps(document())}\n\n{json.dumps(BAD)}"

    result = llmproxy("models", "import", "-", stdin=text)

    assert result.exit_code == 1
    assert result.stdout == ""
    for field in ("name", "model_type", "provider", "parameters.endpoint", "costs.input"):
        assert f"error: stdin:3: bad: {field}: " in result.stderr
    assert "1 bad; nothing was imported (--keep-going imports the rest)" in result.stderr
    assert stored(llmproxy) == []


def test_keep_going_imports_the_good_ones(llmproxy: Run) -> None:
    """And still ends with 1, because not all was done."""
    text = f"{json.dumps(BAD)} {json.dumps(document())} {{"

    result = llmproxy("models", "import", "--keep-going", "-", stdin=text)

    assert result.exit_code == 1
    assert [row[1] for row in rows(result.stdout)[1:]] == ["gpt-mini"]
    assert "error: stdin:1: expecting property name" in result.stderr
    assert "2 bad; 1 imported" in result.stderr
    assert stored(llmproxy) == [document()]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "", "a.json: holds no document"),
        ("a.json", "// only words", "a.json: holds no document"),
        ("a.json", '{"id": "x",\n "id": "y"}', 'a.json:2: the key "id" stands twice'),
        ("a.json", "[1]", "a.json:1: document: a document is an object, not a number"),
        ("a.json", '{"id": "x\\ny"}', "a.json:1: document: id: must be"),
        ("a.txt", "{}", "the folder holds no .json or .jsonc file"),
    ],
)
def test_files_that_hold_no_good_document(
    llmproxy: Run, tmp_path: Path, name: str, text: str, message: str
) -> None:
    """The file is named, and the line where there is one."""
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / name).write_text(text)

    result = llmproxy("models", "import", str(folder))

    assert result.exit_code == 1
    assert message in result.stderr


def test_a_file_that_is_not_there(llmproxy: Run) -> None:
    """A sentence, no traceback."""
    result = llmproxy("models", "import", "missing.json")

    assert result.exit_code == 1
    assert "error: missing.json: No such file or directory" in result.stderr


def test_a_literal_secret_is_neither_stored_nor_shown(llmproxy: Run, tmp_path: Path) -> None:
    """Not on the terminal, not in the file of the store."""
    secret = "sk-proj-0123456789abcdef"
    given = document(parameters={"api_key": secret})

    result = llmproxy("models", "import", "-", stdin=json.dumps(given))

    assert result.exit_code == 1
    assert "parameters.api_key: looks like a secret itself" in result.stderr
    assert secret not in result.output
    stored_bytes = b"".join(each.read_bytes() for each in (tmp_path / "data").rglob("*.*"))
    assert secret.encode() not in stored_bytes


def test_the_list_shows_price_audience_and_state(llmproxy: Run) -> None:
    """One row per document; what keeps a model from being called stands in its state."""
    documents = [
        document(),
        azure_document(endpoint="MY_ENDPOINT") | {"id": "waiting", "private": True},
        document(id="unpriced", costs=None, private=True, projects=["b", "a"]),
        document(id="free", costs=None, free=True, operations=[]),
    ]
    assert llmproxy("models", "import", "-", stdin=json.dumps(documents)).exit_code == 0

    table = rows(llmproxy("models", "list").stdout)
    mended = rows(llmproxy("models", "list", env={"MY_ENDPOINT": "https://h.azure.com"}).stdout)

    assert table == [
        ["id", "code", "provider", "type", "for", "in/1M", "out/1M", "operations", "state"],
        ["gpt-mini", "mini", "OpenAI", "OpenAI", "all", "1 USD", "2 USD", "ChatCompletion", "ok"],
        [
            *("waiting", "mini", "Azure", "AzureOpenAI", "nobody", "1 USD", "2 USD"),
            *("ChatCompletion", "waits for endpoint"),
        ],
        [
            *("unpriced", "mini", "OpenAI", "OpenAI", "a, b", "-", "-"),
            *("ChatCompletion", "refused: no price"),
        ],
        [
            *("free", "mini", "OpenAI", "OpenAI", "all", "free", "free", "-"),
            "refused: no operation",
        ],
    ]
    assert mended[2][-1] == "ok"


def test_a_document_that_is_no_longer_understood_is_listed(llmproxy: Run) -> None:
    """Its variable has a bad value now: the reason stands in its state."""
    given = azure_document(endpoint="MY_ENDPOINT")
    llmproxy("models", "import", "-", stdin=json.dumps(given))

    result = llmproxy("models", "list", env={"MY_ENDPOINT": "nonsense"})

    assert rows(result.stdout)[1] == [
        "gpt-mini",
        *["-"] * 7,
        "refused: parameters.endpoint: must begin with http:// or https://",
    ]


def test_an_empty_list_says_what_to_do(llmproxy: Run) -> None:
    """On stderr; stdout holds the bare headers, or an empty array."""
    assert "llmproxy models import FILE" in llmproxy("models", "list").stderr
    assert stored(llmproxy) == []


def test_what_list_prints_can_be_imported(llmproxy: Run, tmp_path: Path) -> None:
    """`models list --json` is a backup."""
    llmproxy("models", "import", str(ORIGINAL))
    backup = llmproxy("models", "list", "--json").stdout
    elsewhere = {"LLMPROXY_DATA_DIR": str(tmp_path / "other")}

    restored = llmproxy("models", "import", "-", stdin=backup, env=elsewhere)

    assert restored.exit_code == 0
    assert llmproxy("models", "list", "--json", env=elsewhere).stdout == backup


def test_show_prints_the_document_as_it_was_imported(llmproxy: Run) -> None:
    """Unknown fields and their order included; a code is not an id."""
    given = document(zeta=1, alpha=[{"é": None}])
    llmproxy("models", "import", "-", stdin=json.dumps(given))

    shown = llmproxy("models", "show", "gpt-mini")
    unknown = llmproxy("models", "show", "mini")

    assert json.loads(shown.stdout) == given
    assert list(json.loads(shown.stdout)) == list(given)
    assert unknown.exit_code == 1
    assert "no model with the id mini; it is the code of gpt-mini" in unknown.stderr


def test_remove_takes_several_and_names_the_unknown(llmproxy: Run) -> None:
    """What can be removed is removed; an unknown id makes it end with 1."""
    documents = [document(id=name) for name in ("a", "b", "c")]
    llmproxy("models", "import", "-", stdin=json.dumps(documents))

    result = llmproxy("models", "remove", "a", "nope", "c")

    assert result.exit_code == 1
    assert result.stdout == "a is removed\nc is removed\n"
    assert "no model with the id nope" in result.stderr
    assert [each["id"] for each in stored(llmproxy)] == ["b"]
    assert llmproxy("models", "remove", "b").exit_code == 0
