"""The pages of docs/ as the tests read them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^```([\w-]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A fenced block: the page it stands on, its language, its text."""

    page: str
    language: str
    text: str


def read(name: str) -> str:
    """Text of a page."""
    return (DOCS / name).read_text("utf-8")


def blocks(name: str) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    for language, text in FENCE.findall(read(name)):
        yield Block(name, language, text)


def section(name: str, title: str) -> str:
    """Text under a heading of a page, up to the next one of its kind."""
    return read(name).partition(f"\n## {title}\n")[2].partition("\n## ")[0]
