"""A test replaces a port by a fake of ours, never a part of somebody else by a mock."""

import re

import pytest

from tests.architecture.tree import code, read

# In parts, so that this file does not hold what it looks for.
DISHONEST = re.compile(
    "|".join(
        (
            r"unittest[. ](import )?" + "mock",
            "pytest_" + "mock",
            r"^\s*(import|from) " + r"mock\b",
            r"\bmock" + r"er\b",
            "monkeypatch" + r"\.(setattr|delattr)",
            r"sys\.modules" + r"\[",
            r"assert " + r"True\b",
        )
    )
)


def test_nothing_is_mocked() -> None:
    """No test uses a mock, replaces an attribute or asserts what is always so."""
    assert [
        f"{name}:{number}: {line.strip()[:120]}"
        for name in code(".py")
        for number, line in enumerate(read(name).splitlines(), 1)
        if DISHONEST.search(line)
    ] == []


@pytest.mark.parametrize(
    "line",
    [
        "from unittest" + " import mock",
        "from unittest." + "mock import AsyncMock",
        "    monkeypatch." + "setattr(module, 'x', 1)",
        "def test_it(mock" + "er):",
    ],
)
def test_the_pattern_sees(line: str) -> None:
    """The pattern finds each way to replace a part in place."""
    assert DISHONEST.search(line)
    assert not DISHONEST.search("monkeypatch.setenv('PORT', '0')")
