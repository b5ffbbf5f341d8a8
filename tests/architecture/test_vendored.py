"""Files of others stand here unchanged, and their note says which they are."""

import hashlib
import re
from pathlib import Path

from tests.architecture.tree import ROOT, files, read

FOLDER = Path("src/llmproxy/infra/controllers/pages/swagger_ui")
ROW = re.compile(r"^\| `([^`]+)` \| `([0-9a-f]{64})` \|$", re.MULTILINE)
WORDS = {"README.md", "LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"}


def test_swagger_ui_is_as_published() -> None:
    """Every file that is served has the digest that the note gives, and no other file is there."""
    noted = dict(ROW.findall(read(FOLDER / "README.md")))
    assert noted
    found = {
        name.name: hashlib.sha256((ROOT / name).read_bytes()).hexdigest()
        for name in files()
        if name.parent == FOLDER and name.name not in WORDS
    }
    assert found == noted
