"""What docs/limits.md shows of setting limits is read and run as it stands."""

import json
import re
import shlex
from pathlib import Path

from llmproxy.application.interfaces.key_repository import limits_kept
from llmproxy.domain.limit import LIMIT_FIELDS, RULE_FIELDS
from tests.unit.cli.conftest import Run

PAGE = (Path(__file__).parents[3] / "docs/limits.md").read_text("utf-8")
SETTING = PAGE.partition("## Setting limits")[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_object_is_one() -> None:
    """All its fields are limits, kept as they are written; the table names every one there is."""
    (text,) = [text for kind, text in BLOCK.findall(SETTING) if kind == "json"]
    written = json.loads(text)
    limits = limits_kept(written)
    assert limits is not None
    assert limits.document() == written
    others = set(LIMIT_FIELDS) - set(RULE_FIELDS)
    assert all(f"| `{name}` |" in SETTING for name in others)


def test_the_commands_work(llmproxy: Run) -> None:
    """One after another, on one store."""
    (block,) = [text for kind, text in BLOCK.findall(SETTING) if kind == "sh"]
    for line in block.splitlines():
        done = llmproxy(*shlex.split(line)[1:])
        assert done.exit_code == 0, f"{line}\n{done.output}"
