"""A module is named for what it does; a name that could hold anything soon does."""

from pathlib import Path

import pytest

from tests.architecture.tree import code

REFUSED = {"utils", "helpers", "common", "misc", "manager", "base", "core"}


def refused(name: Path) -> bool:
    """Whether the file or a folder above it has a refused name, alone or behind an underscore."""
    words = {part.rpartition("_")[2] for part in (*name.parts[:-1], name.stem)}
    return not words.isdisjoint(REFUSED | {word.removesuffix("s") for word in REFUSED})


def test_no_module_has_a_refused_name() -> None:
    """No file or folder of code is called utils, helpers, common, misc, manager, base or core."""
    assert [str(name) for name in code(".py", ".mjs", ".sh") if refused(name)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("src/llmproxy/utils.py", True),
        ("src/llmproxy/infra/core/json.py", True),
        ("src/llmproxy/infra/wire/json_helpers.py", True),
        ("src/llmproxy/infra/providers/base.py", True),
        ("src/llmproxy/infra/database/sqlite/models.py", False),
        ("src/llmproxy/domain/model.py", False),
    ],
)
def test_the_rule_itself(name: str, *, expected: bool) -> None:
    """The rule sees files and folders, and a refused word behind an underscore."""
    assert refused(Path(name)) is expected
