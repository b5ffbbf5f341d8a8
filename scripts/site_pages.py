"""A hook of MkDocs: pages of the project that are not in docs/, and links that lead to them.

In the repository a page links to `../ARCHITECTURE.md`; in the site that file is a page of its own.
Links are rewritten while the site is built, so that both views work. A link to any other file of
the project takes a copy of it along.
"""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from pymdownx.slugs import slugify

ROOT = Path(__file__).parents[1]
DOCS = "docs"
PLACES = {
    "README.md": "index.md",
    "README.pt-BR.md": "pt-BR/index.md",
    "ARCHITECTURE.md": "project/architecture.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "SECURITY.md": "project/reporting.md",
    "bench/RESULTS.md": "project/bench.md",
    "bench/results/routing/RESULTS.md": "project/bench-routing.md",
    "bench/CHAOS.md": "project/chaos.md",
}
"""Where pages of the project are in the site, by their place in the repository."""
FILES = "project/files"
"""Where copies of other files are."""
FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)(\[[^\]]*\]\()([^)\s#]+)(#[^)\s]*)?(\))")
ORIGINS = {place: origin for origin, place in PLACES.items()}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Give headings the anchors that they have in the repository's view."""
    config.mdx_configs["toc"]["slugify"] = slugify(case="lower")
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and what they and those of docs/ link to."""
    for origin, place in PLACES.items():
        if (ROOT / origin).is_file():
            text = (ROOT / origin).read_text("utf-8")
            files.append(File.generated(config, place, content=text))
    wanted = {
        target
        for file in files.documentation_pages()
        for target in _targets(file.content_string, _origin(file.src_uri))
    }
    folders = {target for target in wanted if (ROOT / target).is_dir()}
    wanted |= {each for folder in folders for each in _within(folder)}
    for target in sorted(wanted - folders):
        copied = (ROOT / target).read_bytes()
        files.append(File.generated(config, _place(target), content=copied))
    for folder in sorted(folders):
        files.append(File.generated(config, _place(folder), content=_listing(folder)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:  # noqa: ANN401
    """Return a page whose links lead to the places in the site."""
    here, place = _origin(page.file.src_uri), page.file.src_uri

    def moved(link: re.Match[str]) -> str:
        target = _target(link[2], here)
        if target is None:
            return link[0]
        found = relpath(_place(target), PurePosixPath(place).parent.as_posix())
        return f"{link[1]}{found}{link[3] or ''}{link[4]}"

    parts = FENCE.split(markdown)
    return "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)


def _within(folder: str) -> list[str]:
    """Return the files of a folder of the project, from its root."""
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    kept = (path for path in found if "__pycache__" not in path.parts)
    return sorted(path.relative_to(ROOT).as_posix() for path in kept)


def _listing(folder: str) -> str:
    """Return a page that links to the copies of a folder's files."""
    here = PurePosixPath(_place(folder)).parent.as_posix()
    rows = [f"- [{each}]({relpath(_place(each), here)})" for each in _within(folder)]
    return "\n".join([f"# Files of {folder}", "", *rows, ""])


def _origin(place: str) -> str:
    """Return where a page of the site is in the repository."""
    return ORIGINS.get(place, f"{DOCS}/{place}")


def _place(origin: str) -> str:
    """Return where a file of the repository is in the site; names that hide get a visible one."""
    if origin in PLACES:
        return PLACES[origin]
    if origin.startswith(f"{DOCS}/"):
        return origin.removeprefix(f"{DOCS}/")
    visible = "/".join(part.lstrip(".") for part in origin.split("/"))
    if (ROOT / origin).is_dir():
        return f"{FILES}/{visible}/index.md"
    if visible.endswith(".md"):
        return f"{FILES}/{visible}.txt"  # as it is written, not as a page
    return f"{FILES}/{visible}" if PurePosixPath(visible).suffix else f"{FILES}/{visible}.txt"


def _target(link: str, here: str) -> str | None:
    """Return the file or folder of the repository that a link of `here` means, if any."""
    if "://" in link or link.startswith(("mailto:", "/")):
        return None
    target = normpath(f"{PurePosixPath(here).parent}/{link}")
    return target if (ROOT / target).exists() else None


def _targets(markdown: str, here: str) -> set[str]:
    """Return the files that a page links to and that the site does not have yet."""
    links = LINK.findall(FENCE.sub("", markdown))
    found = {_target(link, here) for _, link, _, _ in links}
    return {
        each
        for each in found
        if each is not None and each not in PLACES and not each.startswith(f"{DOCS}/")
    }
