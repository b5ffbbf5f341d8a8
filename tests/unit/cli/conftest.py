"""Running `llmproxy` in this process, on a store of the test's own."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from llmproxy.cli.commands import app

Run = Callable[..., Result]


@pytest.fixture(name="llmproxy")
def _llmproxy(tmp_path: Path) -> Run:
    """Give a function that runs a command: `llmproxy("keys", "list", stdin=…, env={…})`."""

    def run(*arguments: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Result:
        environment: dict[str, str | None] = {
            "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
            "AZURE_OPENAI_ENDPOINT": None,
            "AZURE_OPENAI_API_VERSION": None,
            "GOOGLE_PROJECT_ID": None,
            "LLMPROXY_URL": None,
            "LLMPROXY_ADMIN_KEY": None,
            "COSMOS_URL": None,
            "MODELS_PATH": None,
            **(env or {}),
        }
        result = CliRunner().invoke(app, arguments, input=stdin, env=environment)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run
