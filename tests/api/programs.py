"""Programs that some tests run."""

import os

import pytest


def needs(found: object, what: str) -> None:
    """Skip where a program is missing; fail where CI=true asks for everything."""
    if not found and os.environ.get("CI") == "true":
        pytest.fail(f"{what} is missing")
    if not found:
        pytest.skip(f"{what} is missing (scripts/test installs it where it may)")
