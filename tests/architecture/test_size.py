"""A file stops at 300 lines and a function at 50: the maximum is bound, not the average."""

import ast

import pytest

from tests.architecture.tree import code, read

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50


def long_functions(source: str) -> list[str]:
    """Name the functions of ``source`` that are too long; docstring counted, decorators not."""
    return [
        f"{node.name} (line {node.lineno}): {length} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION_LINES
    ]


def test_no_file_is_long() -> None:
    """Every file of code fits in 300 lines, whatever its language."""
    lengths = {
        str(name): len(read(name).splitlines()) for name in code(".py", ".mjs", ".lua", ".sh", "")
    }
    assert lengths
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_long() -> None:
    """Every function of every Python file fits in 50 lines."""
    found = {str(name): long_functions(read(name)) for name in code(".py")}
    assert {name: functions for name, functions in found.items() if functions} == {}


@pytest.mark.parametrize(("statements", "too_long"), [(49, False), (50, True)])
def test_the_measure_itself(statements: int, *, too_long: bool) -> None:
    """The measure counts the line of def and all lines after it, in async methods too."""
    body = "\n".join("        x = 1" for _ in range(statements))
    source = f"class A:\n    async def f():\n{body}\n"
    assert bool(long_functions(source)) is too_long
