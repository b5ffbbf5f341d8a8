"""The programs that these tests run: of this environment first, then of the machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HERE = Path(sys.executable).parent
PATIENCE_S = 120.0


def program(name: str, source: str, *, packaged: bool = True) -> str:
    """Its path. Skips where it is missing, saying who has it; fails where CI=true.

    What is not `packaged`, in Debian or in a lock of ours, is skipped there too: nothing that
    `scripts/test` may do brings it.
    """
    found = shutil.which(name, path=f"{HERE}:{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is not None:
        return found
    reason = f"{name} was not found ({source} has it)"
    if packaged and os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def ran(
    *command: str, given: str | None = None, environment: Mapping[str, str] | None = None
) -> str:
    """What a command writes, started in the project's folder. Raises AssertionError if it fails."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        input=given,
        env=None if environment is None else {"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}{done.stderr}"
    return done.stdout
