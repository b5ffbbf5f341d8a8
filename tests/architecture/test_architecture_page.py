"""ARCHITECTURE.md draws what is there, and every link between the documents leads somewhere."""

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path, PurePosixPath

import pytest

from llmproxy.application.interfaces.journal import Closed, Opened
from llmproxy.domain.usage import Usage
from tests.architecture.tree import ROOT, files, read

PAGE = read(Path("ARCHITECTURE.md"))
PACKAGE = Path("src/llmproxy")
FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")
LOOKS_LIKE_A_PATH = re.compile(r"/|\.(py|md|json|toml|lua|sh)$")
OF_THE_DATA_FOLDER = {"journal/", "workers/"}
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PAGES = [name for name in files() if name.suffix == ".md" and name.parts[0] not in {"tests", "src"}]


def drawn(tree: str) -> Iterator[PurePosixPath]:
    """The paths of an indented drawing; names stand before two blanks, folders end in /."""
    above: list[tuple[int, PurePosixPath]] = []
    for line in tree.splitlines():
        depth = len(line) - len(line.lstrip())
        while above and above[-1][0] >= depth:
            above.pop()
        parent = above[-1][1] if above else PurePosixPath()
        for name in re.split(r"\s{2,}", line.strip())[0].split():
            yield parent / name
            if name.endswith("/"):
                above.append((depth, parent / name))


def house() -> set[PurePosixPath]:
    """All paths of the drawing."""
    trees = [text for _, text in FENCE.findall(PAGE) if text.startswith("src/llmproxy/")]
    return set(drawn(trees[0]))


def anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_everything_drawn_is_there() -> None:
    """No file or folder of the drawing is missing."""
    paths = house()
    assert len(paths) > 60
    assert [str(path) for path in sorted(paths) if not (ROOT / path).exists()] == []


def test_every_folder_is_drawn() -> None:
    """A new room of the house is on the drawing."""
    folders = {
        PurePosixPath(name.parent.as_posix())
        for name in files()
        if name.is_relative_to(PACKAGE) and name.suffix == ".py"
    }
    assert sorted(str(path) for path in folders - house()) == []


def test_every_path_in_the_text_is_there() -> None:
    """What looks like a path exists, from the root or inside of the package."""
    text = FENCE.sub("", PAGE)
    paths = {path for path in QUOTED.findall(text) if LOOKS_LIKE_A_PATH.search(path)}
    paths -= OF_THE_DATA_FOLDER
    assert len(paths) > 25
    places = (ROOT, ROOT / PACKAGE)
    missing = [path for path in paths if not any((place / path).exists() for place in places)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_leads_somewhere(page: Path) -> None:
    """A link between documents names a file, and a heading of it, that are there."""
    broken = []
    for link in LINK.findall(FENCE.sub("", read(page))):
        target, _, anchor = link.partition("#")
        if "://" in link:
            continue
        path = (ROOT / page.parent / target).resolve() if target else ROOT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_journal_is_described_as_it_is_written() -> None:
    """Every field of both lines is in its table, and the counts of usage in their order."""
    section = PAGE.partition("## The journal\n")[2].partition("\n## ")[0]
    opened, _, closed = section.partition("At settlement")
    assert {each.name for each in fields(Opened) if f"`{each.name}`" not in opened} == set()
    assert {each.name for each in fields(Closed) if f"`{each.name}`" not in closed} == set()
    row = next(line for line in closed.splitlines() if line.startswith("| `usage`"))
    assert tuple(re.findall(r"`(\w+)`", row.split("|")[2])) == Usage._fields


def test_the_measures_themselves() -> None:
    """The drawing is read by its indentation, and headings become anchors."""
    tree = "a/\n  b.py c.py   words, more words\n  d/   words\n    e.py\nf.py\n"
    assert [str(path) for path in drawn(tree)] == [
        "a",
        "a/b.py",
        "a/c.py",
        "a/d",
        "a/d/e.py",
        "f.py",
    ]
    assert anchors("# One\n## What an answer's bytes (may)\n```sh\n# no\n```\n") == {
        "one",
        "what-an-answers-bytes-may",
    }
