"""Look through a built site: nothing is fetched from elsewhere, and every page is there."""

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar

from typing_extensions import override

ROOT = Path(__file__).parents[1]


class Fetched(HTMLParser):
    """Notes what a browser fetches for a page by itself."""

    SOURCES: ClassVar = {"script": "src", "img": "src", "iframe": "src", "link": "href"}
    NOT_FETCHED: ClassVar = {"canonical", "alternate", "next", "prev"}

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag in self.SOURCES and said.get("rel") not in self.NOT_FETCHED:
            self.addresses.append(said.get(self.SOURCES[tag]) or "")


def elsewhere(html: str) -> list[str]:
    """Return the addresses of other hosts that a page is made of."""
    parser = Fetched()
    parser.feed(html)
    return [each for each in parser.addresses if each.startswith(("http:", "https:", "//"))]


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a site."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        built = (site / page.relative_to(ROOT / "docs")).with_suffix(".html")
        if not built.is_file():
            yield f"{page.relative_to(ROOT)} is not in the site"
    for built in sorted(site.rglob("*.html")):
        for address in elsewhere(built.read_text("utf-8")):
            yield f"{built.relative_to(site)} fetches {address}"
    if not (site / "search/search_index.json").is_file():
        yield "there is no index for the search"


if __name__ == "__main__":
    found = list(faults(Path(sys.argv[1])))
    sys.exit("\n".join(found) if found else 0)
