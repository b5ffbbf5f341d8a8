"""What the import contracts of pyproject.toml cannot say (scripts/check runs lint-imports)."""

import ast
import sys
from pathlib import Path

import pytest

from tests.architecture.tree import code, read

PACKAGE = Path("src/llmproxy")
INSIDE = tuple(
    name
    for name in code(".py")
    if name.is_relative_to(PACKAGE / "domain") or name.is_relative_to(PACKAGE / "application")
)
DOMAIN = tuple(name for name in INSIDE if name.is_relative_to(PACKAGE / "domain"))


def foreign_imports(source: str) -> set[str]:
    """Give the top-level packages that ``source`` imports and that Python does not bring along."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add("." * node.level + (node.module or ""))
    roots = {name.partition(".")[0] for name in found}
    return roots - sys.stdlib_module_names - {"llmproxy"}


def waits(source: str) -> bool:
    """Whether ``source`` holds an async function, an await or an async loop."""
    kinds = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    return any(isinstance(node, kinds) for node in ast.walk(ast.parse(source)))


def test_inside_is_found() -> None:
    """The two tests below look at real files."""
    assert DOMAIN
    assert len(INSIDE) > len(DOMAIN)


def test_domain_and_application_need_only_the_standard_library() -> None:
    """Whatever is not named in a contract's list is kept out as well."""
    found = {str(name): foreign_imports(read(name)) for name in INSIDE}
    assert {name: packages for name, packages in found.items() if packages} == {}


def test_the_domain_never_waits() -> None:
    """What is true needs no event loop."""
    assert [str(name) for name in DOMAIN if waits(read(name))] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import msgspec", {"msgspec"}),
        ("def f():\n    from pydantic.fields import X", {"pydantic"}),
        ("from . import x", {""}),
        ("import asyncio, llmproxy.domain.model", set()),
    ],
)
def test_the_measure_itself(source: str, expected: set[str]) -> None:
    """Imports are seen inside of functions too, and a relative one counts as foreign."""
    assert foreign_imports(source) == expected
    assert waits("async def f(): ...")
    assert not waits("def f(): ...")
