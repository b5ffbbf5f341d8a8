"""The example of docs/integrations.md for LiteLLM's SDK."""

import sys
from pathlib import Path

from tests.api.documented import output
from tests.integrations.page import SAID, written
from tests.integrations.stage import Stage


def test_the_example(stage: Stage, tmp_path: Path) -> None:
    """The program prints the answer twice: whole and streamed."""
    program = written("LiteLLM SDK", "example.py", stage, tmp_path)
    variables = stage.environment | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    assert output([sys.executable, str(program)], variables) == SAID * 2
