"""Programs of tests/clients_node, run to their end."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.gateway import Gateway

PROGRAMS = Path(__file__).parents[1] / "clients_node"
NODE = os.environ.get("LLMPROXY_NODE") or shutil.which("node")
MISSING = NODE is None or not (PROGRAMS / "node_modules/openai").is_dir()

# In CI nothing is skipped: what is missing lets the tests fail.
needs_node = pytest.mark.skipif(
    MISSING and os.environ.get("CI") != "true",
    reason="node or the packages of tests/clients_node are missing (scripts/test installs them)",
)


def run_node(gateway: Gateway, program: str, *arguments: str) -> Any:  # noqa: ANN401 - its report
    """Run a program to its end; its report. Raises AssertionError when it fails."""
    done = subprocess.run(
        [str(NODE), str(PROGRAMS / program), *arguments],
        env=os.environ | {"GATEWAY_BASE_URL": gateway.base_url},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
