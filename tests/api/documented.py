"""Fenced blocks of a page, and running them as they stand."""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.api.gateway import ROOT, command
from tests.api.programs import needs

ADDRESS = "http://127.0.0.1:8000"
BLOCK = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LIMIT_S = 60.0


class Block(NamedTuple):
    """A fenced block: its language and text."""

    language: str
    text: str


def blocks(page: str) -> list[Block]:
    """The fenced blocks of a file of the project, in order."""
    return [Block(*found) for found in BLOCK.findall((ROOT / page).read_text("utf-8"))]


def output(words: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> str:
    """Run a program to its end. Raises AssertionError when it fails."""
    done = subprocess.run(
        words,
        cwd=folder,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shell(text: str, environment: Mapping[str, str], folder: Path) -> str:
    """Run a shell block in `folder`, with `llmproxy` on the path."""
    needs(shutil.which("curl"), "curl")
    path = f"{Path(command()[0]).parent}:{os.environ['PATH']}"
    return output(
        ["bash", "-c", f"set -euo pipefail\n{text}"], {**environment, "PATH": path}, folder
    )
