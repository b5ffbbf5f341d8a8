"""`llmproxy models check`: through the real adapters, here those that need no network."""

import json

from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

ECHO = document(id="echo", code="echo", provider="Local", model_type="Echo", parameters={})
NO_SECRET = document(id="keyless", parameters={"secret_name": "NOT_SET_ANYWHERE"})
EMBEDDINGS = document(id="vectors", code="vectors", operations=["embeddings"])


def import_(llmproxy: Run, *documents: object) -> None:
    """Register these documents."""
    assert llmproxy("models", "import", "-", stdin=json.dumps(documents)).exit_code == 0


def test_models_that_answer(llmproxy: Run) -> None:
    """A row with the latency, and 0 at the end; a skipped model is no failure."""
    import_(llmproxy, ECHO, EMBEDDINGS)

    result = llmproxy("models", "check")
    header, echo, vectors = (line.split("\t") for line in result.stdout.splitlines())

    assert result.exit_code == 0
    assert header == ["result", "id", "code", "latency", "reason"]
    assert echo[:3] == ["ok", "echo", "echo"]
    assert echo[3].endswith(" ms")
    assert vectors[0] == "skipped"
    assert result.stderr == ""


def test_one_failure_is_a_failure(llmproxy: Run) -> None:
    """With its reason in its row; the others are still asked, in order of registration."""
    import_(llmproxy, NO_SECRET, ECHO)

    result = llmproxy("models", "check", env={"NOT_SET_ANYWHERE": ""})
    rows = [line.split("\t") for line in result.stdout.splitlines()[1:]]

    assert result.exit_code == 1
    assert [row[:2] for row in rows] == [["failed", "keyless"], ["ok", "echo"]]
    assert "NOT_SET_ANYWHERE is not set" in rows[0][4]
    assert "1 of 2 failed" in result.stderr


def test_models_are_chosen_by_id_or_code(llmproxy: Run) -> None:
    """An unknown name ends it before anything is asked."""
    import_(llmproxy, ECHO, NO_SECRET, document(id="other"))

    assert "keyless" not in llmproxy("models", "check", "echo").stdout
    by_code = llmproxy("models", "check", "mini", env={"NOT_SET_ANYWHERE": ""})
    unknown = llmproxy("models", "check", "echo", "nope")

    assert [line.split("\t")[1] for line in by_code.stdout.splitlines()[1:]] == ["keyless", "other"]
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert "no model with the id or code nope" in unknown.stderr


def test_a_document_that_is_not_understood_has_failed(llmproxy: Run) -> None:
    """Its variable has a bad value: the others are still asked."""
    import_(llmproxy, document(id="broken", parameters={"endpoint": "MY_ENDPOINT"}), ECHO)

    result = llmproxy("models", "check", env={"MY_ENDPOINT": "nonsense"})

    assert result.exit_code == 1
    assert "failed\tbroken\t-\t-\tparameters.endpoint: must begin" in result.stdout
    assert "ok\techo\t" in result.stdout


def test_an_empty_store_is_no_success(llmproxy: Run) -> None:
    """Nothing was checked."""
    result = llmproxy("models", "check")

    assert result.exit_code == 1
    assert "no models yet" in result.stderr
