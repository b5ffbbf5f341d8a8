"""The site shows every page of docs/ and only those, and its check sees what it is for."""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from scripts.site_check import elsewhere, faults
from tests.architecture.tree import ROOT, files, read

CONFIG = yaml.safe_load(read(Path("mkdocs.yml")))
PLACE = re.compile(r'^    "([\w./-]+)": "([\w./-]+)",$', re.MULTILINE)
PLACES = dict(PLACE.findall(read(Path("scripts/site_pages.py"))))


def named(entries: object) -> Iterator[str]:
    """The pages of a part of `nav`."""
    if isinstance(entries, str):
        yield entries
    elif isinstance(entries, list):
        for each in entries:
            yield from named(each)
    elif isinstance(entries, dict):
        yield from named(list(entries.values()))


def test_every_page_is_in_the_navigation() -> None:
    """Once, and the navigation names no page that is not there."""
    pages = {str(name.relative_to("docs")) for name in files() if name.match("docs/**/*.md")}
    pages |= {str(name.relative_to("docs")) for name in files() if name.match("docs/*.md")}
    shown = list(named(CONFIG["nav"]))
    assert sorted(shown) == sorted(set(shown))
    assert sorted(set(shown) - set(PLACES.values())) == sorted(pages)


def test_pages_beside_docs_are_there() -> None:
    """What the site takes from elsewhere in the project exists."""
    assert len(PLACES) > 5
    optional = {"SECURITY.md"}
    assert [each for each in PLACES if each not in optional and not (ROOT / each).is_file()] == []


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No fonts of others; a link or anchor that leads nowhere is a failure."""
    assert CONFIG["theme"]["font"] is False
    assert CONFIG["strict"] is True
    assert CONFIG["validation"]["links"]["anchors"] == "warn"


def test_the_check_itself(tmp_path: Path) -> None:
    """It sees scripts and styles of other hosts, and pages that are missing."""
    assert elsewhere('<script src="https://x.example/a.js"></script>') == ["https://x.example/a.js"]
    assert elsewhere('<link rel="stylesheet" href="//x.example/a.css">') == ["//x.example/a.css"]
    assert elsewhere('<link rel="canonical" href="https://x.example/"><a href="https://y">') == []
    assert elsewhere('<script src="assets/a.js"></script>') == []
    assert any("docs/errors.md is not in the site" in each for each in faults(tmp_path))
