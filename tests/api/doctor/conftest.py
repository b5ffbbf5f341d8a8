"""An installation of its own for each test."""

from pathlib import Path

import pytest

from tests.api.doctor.examined import Installation
from tests.api.documents import SECRETS


@pytest.fixture(name="installation")
def _installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path, SECRETS)
