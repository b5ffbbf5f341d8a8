"""What every test run knows: the mark `conformance` (see `tests/conformance.py`)."""

from pathlib import Path

import pytest

from tests.conformance import Recorder


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let a run write what it has proven."""
    parser.addoption(
        "--conformance", type=Path, metavar="FILE", help="write the outcomes of marked tests"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Know the mark, and record when asked to."""
    config.addinivalue_line(
        "markers", "conformance(operation, provider, aspect): a cell of docs/conformance.md"
    )
    path = config.getoption("--conformance")
    if path is not None:
        config.pluginmanager.register(Recorder(path))
