"""`llmproxy models` at a running gateway."""

import json
from typing import Any

from tests.api.asking import ask, bearer, within
from tests.api.cli.conftest import ADMIN_KEY, ECHO, Remote
from tests.api.gateway import Gateway

EFFECT_S = 5.0


def served(gateway: Gateway) -> set[str]:
    """The models that the gateway offers to the administrator."""
    answer = ask(gateway.url, "/v1/models", headers=bearer(ADMIN_KEY))
    assert answer.status == 200
    return {each["id"] for each in answer.json["data"]}


def rows(text: str) -> list[list[str]]:
    """Split the lines of a table, its headers first."""
    return [line.split("\t") for line in text.splitlines()]


def test_from_import_to_removal(gateway: Gateway, remote: Remote) -> None:
    """Each command does what it does over a store, and the gateway follows within seconds."""
    given = json.dumps([ECHO | {"id": "one", "code": "shared"}, ECHO | {"id": "two"}])

    dry = remote("models", "import", "-", "--dry-run", given=given)
    assert [row[:2] for row in rows(dry.stdout)[1:]] == [["added", "one"], ["added", "two"]]
    imported = remote("models", "import", "-", given=given)
    assert (imported.returncode, imported.stderr) == (0, "llmproxy: 2 added\n")
    assert within(EFFECT_S, lambda: {"shared", "two"} <= served(gateway))

    shown: Any = json.loads(remote("models", "show", "one").stdout)
    assert shown == ECHO | {"id": "one", "code": "shared"}
    patched = remote("models", "patch", "one", "-", given='{"name": "New", "code": null}')
    assert (patched.returncode, patched.stdout) == (0, "one is changed\n")
    assert json.loads(remote("models", "show", "one").stdout) == ECHO | {"id": "one", "name": "New"}
    assert within(EFFECT_S, lambda: "shared" not in served(gateway))

    again = remote("models", "import", "-", "--dry-run", given=given)
    assert 'model one\n  name: "New" -> "Echo"\n  code: nothing -> "shared"\n' in again.stdout

    removed = remote("models", "remove", "one", "nope", "two")
    assert (removed.returncode, removed.stdout) == (1, "one is removed\ntwo is removed\n")
    assert "no model with the id nope" in removed.stderr
    assert within(EFFECT_S, lambda: "two" not in served(gateway))


def test_look_ups(remote: Remote) -> None:
    """The gateway answers them from its snapshot."""
    table = rows(
        remote("models", "list", "--provider", "local", "--operation", "chatcompletion").stdout
    )

    assert ["echo", "echo", "Local", "Echo", "all", "free", "free", "ChatCompletion", "ok"] in table
    assert rows(remote("models", "list", "--type", "OpenAI").stdout) == [table[0]]
    printed = json.loads(remote("models", "list", "--json", "--name", "echo").stdout)
    assert printed == [ECHO]
    assert rows(remote("models", "providers").stdout) == [["provider", "models"], ["Local", "1"]]


def test_bad_documents(remote: Remote) -> None:
    """Found here or by the gateway: nothing is kept, and all that is wrong is named."""
    result = remote("models", "import", "-", given='{"id": "bad"}')
    patched = remote("models", "patch", "echo", "-", given='{"provider": "Nobody"}')

    assert result.returncode == 1
    assert "error: stdin:1: bad: name: is required" in result.stderr
    assert patched.returncode == 2
    assert "provider: is not known" in patched.stderr


def test_what_the_gateway_lacks_is_warned_of_by_the_gateway(remote: Remote) -> None:
    """Its environment counts, not the one of the command line."""
    document = ECHO | {"id": "waiting", "provider": "OpenAI", "model_type": "OpenAI"}
    document["parameters"] = {"endpoint": "NOT_SET_THERE", "secret_name": "NOR_THIS"}

    result = remote("models", "import", "-", given=json.dumps(document))
    remote("models", "remove", "waiting")

    assert result.returncode == 0
    assert "waiting: parameters.endpoint: the variable NOT_SET_THERE is not set" in result.stderr


def test_a_litellm_config(remote: Remote) -> None:
    """Its models go to the gateway as well."""
    config = """
    model_list:
      - model_name: from-litellm
        litellm_params: {model: openai/gpt-5, api_key: os.environ/SOME_KEY}
        model_info: {input_cost_per_token: 0, output_cost_per_token: 0}
    """

    result = remote("registry", "import-litellm", "-", given=config)
    kept = json.loads(remote("models", "show", "from-litellm").stdout)
    remote("models", "remove", "from-litellm")

    assert result.returncode == 0
    assert kept["parameters"] == {"secret_name": "SOME_KEY", "model": "gpt-5"}
