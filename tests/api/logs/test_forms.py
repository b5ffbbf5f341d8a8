"""The two forms of the log, also of a start that is refused and under another server."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.api.asking import ask, within
from tests.api.gateway import command
from tests.api.logs.stage import CHAT, PATIENCE_S, objects, refused, staged


def test_for_people(tmp_path: Path) -> None:
    """In development a line per request, without colours where no terminal is."""
    with staged(tmp_path, ENVIRONMENT="development", AUTH="keys") as stage:
        answer = stage.chat(stage.keys["alpha"], "mini")
        request_id = answer.headers["x-request-id"]
        assert within(PATIENCE_S, lambda: request_id in stage.gateway.log)
        [line] = [each for each in stage.gateway.log.splitlines() if request_id in each]
        assert f" 200 POST {CHAT} mini " in line
        assert "\x1b" not in stage.gateway.log


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"PORT": "none"}, "PORT='none'"),
        ({"HOST": "192.0.2.1", "AUTH": "open"}, "cannot listen on 192.0.2.1"),
        ({"CONTENT_LOG": "on", "CONTENT_LOG_PATTERNS_FILE": "/none"}, "/none cannot be read"),
    ],
)
def test_a_start_that_is_refused(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    """It says why in the same form."""
    code, out, err = refused(tmp_path, LOG_FORMAT="json", **settings)
    assert code == 2
    lines = objects(out + err)
    assert any(said in line["message"] for line in lines), lines


def test_under_another_server(tmp_path: Path) -> None:
    """uvicorn's own lines are objects, too."""
    python = Path(command()[0]).with_name("python")
    environment = {
        "PATH": os.environ["PATH"],
        "LOG_FORMAT": "json",
        "LLMPROXY_DATA_DIR": str(tmp_path / "data"),
        "DRAIN_DELAY_S": "0",
    }
    words = ["-m", "uvicorn", "--factory", "llmproxy.app:create_app", "--port", "0"]
    log_path = tmp_path / "log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [str(python), *words], env=environment, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        running_on = re.compile(r"Uvicorn running on (http://127\.0\.0\.1:\d+)")
        assert within(PATIENCE_S, lambda: running_on.search(log_path.read_text()) is not None)
        found = running_on.search(log_path.read_text())
        assert found is not None
        assert ask(found[1], "/health").status == 200
        process.terminate()
        process.wait(PATIENCE_S)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    lines = objects(log_path.read_text())
    assert {"uvicorn.error", "uvicorn.access", "llmproxy.access"} <= {x["logger"] for x in lines}
