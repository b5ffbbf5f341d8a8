"""Runs the doctor over a data folder, and reads what it found."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.api.gateway import command, run

LIMIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Found:
    """All findings, and how the command ended."""

    rows: Sequence[Mapping[str, str]]
    code: int
    text: str

    def of(self, check: str, level: str | None = None) -> list[Mapping[str, str]]:
        """The findings of one check, of one level or all."""
        return [
            row for row in self.rows if row["check"] == check and level in (None, row["result"])
        ]

    def problem(self, check: str) -> Mapping[str, str]:
        """The only problem of a check; what is a problem makes the command end with 1."""
        found = self.of(check, "problem")
        assert len(found) == 1, self.text
        assert self.code == 1
        return found[0]


@dataclass(frozen=True, slots=True)
class Installation:
    """A data folder, and the environment that a gateway would have over it."""

    folder: Path
    settings: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of this shell but what a process needs."""
        own = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        places = {"HOME": str(self.folder), "LLMPROXY_DATA_DIR": str(self.folder / "data")}
        return {**own, **places, **self.settings}

    def register(self, *documents: Mapping[str, Any]) -> None:
        """Import these models."""
        run(self.environment, "models", "import", "-", given=json.dumps(list(documents)))

    def examined(self, *arguments: str, **changed: str) -> Found:
        """What the doctor says; no secret of the settings is in it."""
        done = subprocess.run(
            [*command(), "doctor", "--json", *arguments],
            env={**self.environment, **changed},
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            cwd=self.folder,
            check=False,
        )
        text = done.stdout + done.stderr
        assert "Traceback" not in text, text
        for name, value in {**self.settings, **changed}.items():
            if name.endswith(("_KEY", "_SECRET")) and value:
                assert value not in text
        return Found(json.loads(done.stdout), done.returncode, text)
