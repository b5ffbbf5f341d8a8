"""`docs/wire-changes.md`, as the tests read it."""

import re

from tests.api.gateway import ROOT

PAGE = ROOT / "docs/wire-changes.md"
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (?!-)(.+?) \|", re.MULTILINE)


def listed(section: str) -> set[str]:
    """What stands in backquotes in the first column of a section's table."""
    sections = dict(_SECTION.findall(PAGE.read_text("utf-8")))
    rows = _ROW.findall(sections[section])
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


REQUEST_FIELDS = listed("Fields of the request")
REQUEST_HEADERS = listed("Headers to the provider")
ANSWER_HEADERS = listed("Headers of the answer")
