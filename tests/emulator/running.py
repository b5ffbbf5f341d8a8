"""Starts the emulator and speaks to it: for contract tests and tests of the real server alike."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent
KEY: Final = (
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="
)
"""The key of Microsoft's own emulator, which its documentation prints: it opens nothing."""
WRONG_KEY: Final = "d3Jvbmcga2V5IG9mIHRoZSByaWdodCBmb3Jt"


def missing() -> str | None:
    """Why the emulator cannot run here, None when it can."""
    if shutil.which("node") is None:
        return "node was not found"
    if os.environ.get("LLMPROXY_COSMOS_EMULATOR") == "":
        return "scripts/check and scripts/test could not prepare it"
    if not (FOLDER / "node_modules" / "@vercel" / "cosmosdb-server").is_dir():
        return "the packages of tests/emulator are not installed; scripts/check does that"
    return None


def require() -> None:
    """Skip the test where the emulator cannot run, with the reason; fail it in CI."""
    import pytest  # noqa: PLC0415 - the bench starts an emulator too, without pytest

    reason = missing()
    if reason is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"Cosmos DB's emulator: {reason}")
    pytest.skip(f"Cosmos DB's emulator: {reason}")


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator: the port of the account, then those of its regions if it has several."""

    process: subprocess.Popen[str]
    ports: tuple[int, ...]
    control: int
    key: str = KEY

    @property
    def url(self) -> str:
        """Where the account is."""
        return f"https://127.0.0.1:{self.ports[0]}/"

    def fail(self, **fault: Any) -> None:  # noqa: ANN401 - JSON
        """Have something go wrong; the words are those of faults.js."""
        self._ask("POST", "/faults", [fault])

    def heal(self) -> None:
        """Forget all faults that have not happened yet, and be there."""
        self._ask("DELETE", "/faults")
        self.away(on=False)

    def away(self, *, on: bool) -> None:
        """Cut every connection and listen no more, or be back with all that was held."""
        self._ask("POST", "/away", {"away": on})

    def seen(self) -> list[dict[str, Any]]:
        """Return the requests since the last question: port, method, url, headers."""
        answer = self._ask("GET", "/seen")
        assert isinstance(answer, list)
        return answer

    def _ask(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        # The control port alone: a proxy of the environment has no business here.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control}{path}", data, method=method
        )
        with opener.open(request, timeout=10) as answer:
            return json.loads(answer.read())


@contextmanager
def emulator(*, regions: int = 1, port: int = 0, token: str | None = None) -> Iterator[Emulator]:
    """Run one; `token` is the only one of Entra ID's that it takes.

    The first region takes writes.
    """
    wanted = [str(port), *("0" for _ in range(regions if regions > 1 else 0))]
    environment = {"PATH": os.environ["PATH"]} | ({"AAD_TOKEN": token} if token else {})
    process = subprocess.Popen(
        ["node", str(FOLDER / "server.js"), *wanted],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment,
        text=True,
    )
    assert process.stdout is not None
    try:
        words = process.stdout.readline().split()
        assert words[:1] == ["ready"], f"the emulator did not start: {words}"
        yield Emulator(process, tuple(map(int, words[1:-2])), int(words[-1]))
    finally:
        process.kill()
        process.communicate()
