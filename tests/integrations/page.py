"""The examples of docs/integrations.md, to be run as they stand."""

import re
from pathlib import Path

from tests.api.gateway import ROOT
from tests.integrations.stage import Stage

PAGE = (ROOT / "docs/integrations.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"
SAID = "Hello, world!\n"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def example(heading: str) -> str:
    """The only block of a section."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    [(_, text)] = _BLOCK.findall(section)
    return str(text)


def written(heading: str, name: str, stage: Stage, folder: Path) -> Path:
    """The block as a file of that name, with the address of the server of the test."""
    text = example(heading)
    assert ADDRESS in text
    path = folder / name
    path.write_text(text.replace(ADDRESS, stage.gateway.url))
    return path
