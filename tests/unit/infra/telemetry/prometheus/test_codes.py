"""The codes that are labels are those that the gateway has."""

import ast
from collections.abc import Iterator
from pathlib import Path

import llmproxy
from llmproxy.infra.telemetry.prometheus.codes import KNOWN

SOURCE = Path(llmproxy.__file__).parent
OF_CALLS = ("infra/providers", "infra/limiter", "infra/ledger", "application/steps")
NEVER_OF_A_CALL = {
    "invalid_document",  # administration
}


def codes(file: Path) -> Iterator[str]:
    """Words that are given as `code=`, or are the code of a class."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "code":
            value: ast.expr | None = node.value
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "default_code":
            value = node.value
        else:
            continue
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value


def test_every_code_that_a_call_can_end_with_is_known() -> None:
    """A new code of a provider's failure or of a limit is a label of its own."""
    found = {
        code
        for folder in OF_CALLS
        for file in (SOURCE / folder).rglob("*.py")
        for code in codes(file)
    }
    assert len(found) > 15
    assert sorted(found - KNOWN - NEVER_OF_A_CALL) == []


def test_the_codes_of_providers_failures_are_known() -> None:
    """Those of the leaves of UpstreamError."""
    tree = (SOURCE / "domain/errors.py").read_text()
    of_upstream = tree[tree.index("class UpstreamError") :]
    words = {line.split('"')[1] for line in of_upstream.splitlines() if "default_code = " in line}
    assert len(words) >= 4
    assert words <= KNOWN
