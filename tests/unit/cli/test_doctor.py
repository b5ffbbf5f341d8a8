"""`llmproxy doctor` without a network: what it prints, how it ends, and that it changes nothing."""

import json
import shlex
import sqlite3
from pathlib import Path

import pytest

from tests.fakes.documents import document
from tests.unit.cli.conftest import Run

ECHO = document(id="echo", code="echo", provider="Local", model_type="Echo", parameters={})
NO_SECRET = document(id="keyless", parameters={"model": "m", "secret_name": "NOT_SET_ANYWHERE"})


def rows(output: str) -> list[list[str]]:
    """The rows of a piped table, without its head."""
    return [line.split("\t") for line in output.splitlines()[1:]]


def of(output: str, check: str) -> list[list[str]]:
    """The rows of one check."""
    return [row for row in rows(output) if row[1] == check]


def import_(llmproxy: Run, *documents: object) -> None:
    """Register these documents."""
    assert llmproxy("models", "import", "-", stdin=json.dumps(documents)).exit_code == 0


def test_a_new_installation(llmproxy: Run, tmp_path: Path) -> None:
    """No problem, exit 0; no store is made by looking for one."""
    result = llmproxy("doctor")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[0] == "result\tcheck\tfinding\twhat to do"
    assert of(result.stdout, "store")[0][0] == "ok"
    assert "problem" not in {row[0] for row in rows(result.stdout)}
    assert not (tmp_path / "data").exists()


def test_a_store_with_a_model(llmproxy: Run) -> None:
    """All that is well is said too."""
    import_(llmproxy, ECHO)
    result = llmproxy("doctor", "echo")
    assert result.exit_code == 0, result.output
    assert of(result.stdout, "models") == [["ok", "models", "ready models: 1", ""]]
    assert of(result.stdout, "model echo")[0][0] == "ok"
    assert "schema version" in of(result.stdout, "store")[0][2]


def test_every_setting_that_does_not_fit_is_told(llmproxy: Run) -> None:
    """Not only the first; the rest is looked at all the same."""
    result = llmproxy("doctor", env={"PORT": "many", "KEEP_ALIVE_S": "-1", "REDIS_ULR": "x"})
    found = of(result.stdout, "settings")
    assert result.exit_code == 1
    assert [row[0] for row in found] == ["problem", "problem", "warning"]
    assert {row[2].split("=")[0] for row in found[:2]} == {"PORT", "KEEP_ALIVE_S"}
    assert "did you mean REDIS_URL?" in found[2][3]
    assert of(result.stdout, "store")
    assert result.stderr.endswith("2 problems\n")


def test_a_secret_that_is_missing(llmproxy: Run) -> None:
    """With its name, who needs it and where it belongs, as JSON too."""
    import_(llmproxy, NO_SECRET)
    result = llmproxy("doctor", "--json", env={"NOT_SET_ANYWHERE": ""})
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    [secret] = [each for each in found if each["check"] == "secrets"]
    assert secret["result"] == "problem"
    assert "NOT_SET_ANYWHERE" in secret["finding"]
    assert "keyless" in secret["finding"]
    assert "SECRETS_DIR" in secret["todo"]


def test_a_model_that_is_not_registered(llmproxy: Run) -> None:
    """The case `model_not_found`."""
    import_(llmproxy, ECHO)
    result = llmproxy("doctor", "gpt-4", "ehco")
    assert result.exit_code == 1
    assert of(result.stdout, "model gpt-4")[0][0] == "problem"
    assert "ask for one of echo" in of(result.stdout, "model ehco")[0][3]


def test_a_damaged_store(llmproxy: Run, tmp_path: Path) -> None:
    """It is told, and what needs the registry is not looked at."""
    import_(llmproxy, ECHO)
    (tmp_path / "data/llmproxy.sqlite3").write_bytes(b"no database at all" * 1000)
    result = llmproxy("doctor")
    assert result.exit_code == 1
    assert of(result.stdout, "store")[0][0] == "problem"
    assert of(result.stdout, "hosts")[0][:1] == ["warning"]
    assert "not looked at" in of(result.stdout, "hosts")[0][2]


@pytest.mark.parametrize(("version", "level"), [(99, "problem"), (1, "warning")])
def test_a_store_of_another_version(
    llmproxy: Run, tmp_path: Path, version: int, level: str
) -> None:
    """A newer one is a problem; an older one is a warning, and stays as it is."""
    import_(llmproxy, ECHO)
    path = tmp_path / "data/llmproxy.sqlite3"
    with sqlite3.connect(path) as store:
        store.execute(f"PRAGMA user_version = {version}")
    store.close()
    result = llmproxy("doctor")
    assert of(result.stdout, "store")[0][0] == level, result.output
    after = sqlite3.connect(path)
    assert after.execute("PRAGMA user_version").fetchone()[0] == version
    after.close()


def test_keys_are_needed_and_there_are_none(llmproxy: Run) -> None:
    """A gateway that would refuse to start."""
    result = llmproxy("doctor", env={"ENVIRONMENT": "production"})
    assert result.exit_code == 1
    assert "will not start" in of(result.stdout, "access")[0][2]


def test_an_env_file(llmproxy: Run, tmp_path: Path) -> None:
    """It is named; that others may read it is warned of; one that cannot be read is a problem."""
    path = tmp_path / "settings.env"
    path.write_text("LOG_LEVEL=info\n")
    path.chmod(0o644)
    read = llmproxy("doctor", env={"LLMPROXY_ENV_FILE": str(path)})
    assert f"{path} is read" in of(read.stdout, "environment")[0][2]
    assert f"chmod 600 {path}" in [row[3] for row in of(read.stdout, "access")]
    path.write_text("this is no line\n")
    broken = llmproxy("doctor", env={"LLMPROXY_ENV_FILE": str(path)})
    assert of(broken.stdout, "environment")[0][0] == "problem"
    assert broken.exit_code == 1


def test_no_secret_is_printed(llmproxy: Run) -> None:
    """Whatever is wrong with it."""
    import_(llmproxy, NO_SECRET)
    secret = "sk-very-secret-value-of-a-key"
    env = {"NOT_SET_ANYWHERE": secret, "REDIS_URL": f"redis://:{secret}@127.0.0.1:1/0"}
    result = llmproxy("doctor", "--timeout", "1", env=env)
    assert of(result.stdout, "redis")[0][0] == "problem"
    assert secret not in result.output


def test_a_url_that_is_none(llmproxy: Run) -> None:
    """It was called wrongly."""
    result = llmproxy("doctor", "--url", "nonsense")
    assert result.exit_code == 2
    assert "--url" in result.stderr


def test_the_examples_of_its_page(llmproxy: Run) -> None:
    """Every command of docs/doctor.md works as it stands, but those that ask another host."""
    page = (Path(__file__).parents[3] / "docs/doctor.md").read_text("utf-8")
    block = page.partition("```sh\n")[2].partition("```")[0]
    lines = [line for line in block.splitlines() if "--url" not in line]
    assert len(lines) >= 4
    import_(llmproxy, ECHO | {"id": "gpt-4o-mini", "code": "gpt-4o-mini"})
    for line in lines:
        data = () if "--data-dir" not in line else ("--data-dir", "data")
        words = [word for word in shlex.split(line)[1:] if word not in data]
        result = llmproxy(*words)
        assert result.exit_code == 0, f"{line}\n{result.output}"


def test_every_check_is_on_its_page(llmproxy: Run) -> None:
    """The table names all of them."""
    page = (Path(__file__).parents[3] / "docs/doctor.md").read_text("utf-8")
    found = {row[1] for row in rows(llmproxy("doctor", "--ask").stdout)}
    assert {"environment", "store", "limits", "answers"} <= found
    assert {check for check in found if f"| `{check}` |" not in page} == set()
