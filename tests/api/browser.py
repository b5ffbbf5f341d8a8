"""A real browser: Chromium without a window, and what it asked for."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # Whatever Chromium itself wants to know of the world, it does not leave this machine.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
RENDER_MS = 8000
LIMIT_S = 60.0
NOBODY = "not an origin"
"""The initiator of the address bar's own request and of Chromium's housekeeping."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A page after its scripts ran. `requests` are the URLs that the page itself asked for."""

    html: str
    requests: list[str]

    @property
    def hosts(self) -> set[str]:
        """The `host:port` of every request of the page."""
        return {urlsplit(url).netloc for url in self.requests}


def chromium() -> str:
    """Where the browser is; skips the test when there is none, fails it where CI=true."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        reason = f"no browser here: none of {', '.join(NAMES)} was found"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def look(url: str, folder: Path) -> Seen:
    """Open the page with a fresh profile in `folder`, let its scripts run, and return what came."""
    log = folder / "network.json"
    done = subprocess.run(
        [
            chromium(),
            *QUIET,
            f"--user-data-dir={folder / 'profile'}",
            f"--virtual-time-budget={RENDER_MS}",
            f"--log-net-log={log}",
            "--dump-dom",
            url,
        ],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=True,
    )
    return Seen(done.stdout, _requests(json.loads(log.read_text())))


@contextmanager
def opened(url: str, folder: Path) -> Iterator[None]:
    """Have the page open, in real time, until the block ends: the page itself tells what it saw."""
    profile = f"--user-data-dir={folder / 'profile'}"
    with (folder / "browser.log").open("wb") as log:
        browser = subprocess.Popen(
            [chromium(), *QUIET, profile, "--remote-debugging-port=0", url], stdout=log, stderr=log
        )
    try:
        yield
    finally:
        browser.terminate()
        try:
            browser.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            browser.kill()
            browser.wait()


def _requests(log: dict[str, Any]) -> list[str]:
    kinds = log["constants"]["logEventTypes"]
    started = [
        event["params"]
        for event in log["events"]
        if event["type"] == kinds["URL_REQUEST_START_JOB"] and "url" in event.get("params", {})
    ]
    return [request["url"] for request in started if request["initiator"] != NOBODY]
