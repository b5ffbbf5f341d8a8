"""scripts/audit: the bill of materials is whole, and what is not known is no all-clear."""

import http.server
import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.gateway import ROOT

LOCKS = {"sbom.cdx.json": "requirements.txt", "sbom-litellm.cdx.json": "requirements/litellm.txt"}
AUDIT = ROOT / ".environments/audit/bin/python"
HASH = "0" * 64
KNOWN = {
    "vulns": [
        {
            "id": "PYSEC-2026-1",
            "summary": "a hole",
            "affected": [
                {
                    "package": {"name": "holed", "ecosystem": "PyPI"},
                    "ranges": [
                        {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}
                    ],
                    "versions": ["1.0"],
                }
            ],
        }
    ]
}


@pytest.fixture(scope="module", name="bills")
def _bills(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both bills of materials; where the tools cannot be had, the tests are skipped."""
    folder = tmp_path_factory.mktemp("sbom")
    done = subprocess.run(
        ["bash", str(ROOT / "scripts/audit"), "--sbom-only", str(folder)],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    if "could not be installed" in done.stderr and os.environ.get("CI") != "true":
        pytest.skip("the packages of requirements/audit.txt cannot be installed here")
    assert done.returncode == 0, done.stderr
    assert not (folder / "audit.json").exists()
    return folder


def pinned(lock: str) -> dict[tuple[str, str], set[str]]:
    """The hashes of each package and version of a lock."""
    joined = re.sub(r"\\\n\s*", " ", (ROOT / lock).read_text("utf-8"))
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    found = {}
    for line in lines:
        name, version = re.match(r"([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", line).groups()  # type: ignore[union-attr]
        found[name.lower(), version] = set(re.findall(r"sha256:([0-9a-f]{64})", line))
    return found


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.timeout(700)
def test_every_locked_package_is_in_the_bill(bills: Path, name: str) -> None:
    """With its version, all its hashes, and an address by which others find it (purl)."""
    bill = json.loads((bills / name).read_text("utf-8"))
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert bill["metadata"]["component"]["name"] == "llmproxy"
    listed = {}
    for each in bill["components"]:
        assert each["purl"] == f"pkg:pypi/{each['name'].lower()}@{each['version']}"
        hashes = {
            found["content"]
            for reference in each["externalReferences"]
            for found in reference.get("hashes", ())
            if found["alg"] == "SHA-256"
        }
        listed[each["name"].lower(), each["version"]] = hashes
    assert listed == pinned(LOCKS[name])


@contextmanager
def osv(answer: Mapping[str, Any] | int) -> Iterator[str]:
    """A service that answers every question so."""

    class Osv(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            status = answer if isinstance(answer, int) else 200
            body = b"" if isinstance(answer, int) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Osv) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()


def asked(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Ask this service about one package."""
    (folder / "lock.txt").write_text(f"holed==1.0 --hash=sha256:{HASH}\n")
    return subprocess.run(
        [
            *(str(AUDIT), str(ROOT / "scripts/vulnerabilities.py")),
            *(str(folder / "audit.json"), str(folder / "lock.txt")),
        ],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LLMPROXY_AUDIT_SERVICE": "osv",
            "LLMPROXY_AUDIT_OSV_URL": url,
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("bills")
def test_a_known_vulnerability(tmp_path: Path) -> None:
    """It is named with the version that mends it, and the exit code says so."""
    with osv(KNOWN) as url:
        done = asked(tmp_path, url)
    assert done.returncode == 1, done.stderr
    assert "holed 1.0: PYSEC-2026-1 (mended in 1.1)" in done.stdout
    assert json.loads((tmp_path / "audit.json").read_text())


@pytest.mark.usefixtures("bills")
def test_nothing_known(tmp_path: Path) -> None:
    """Asked and answered: all is well."""
    with osv({}) as url:
        done = asked(tmp_path, url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 packages, 0 vulnerabilities" in done.stdout


@pytest.mark.usefixtures("bills")
@pytest.mark.parametrize("away", [True, False], ids=["away", "broken"])
def test_a_service_that_cannot_be_asked(tmp_path: Path, *, away: bool) -> None:
    """Another exit code than both, and words that nobody takes for good news."""
    with osv(500) as url:
        done = asked(tmp_path, url) if not away else None
    if done is None:
        done = asked(tmp_path, url)  # nobody listens there any more
    assert done.returncode == 3, done.stdout + done.stderr
    assert "no all-clear" in done.stdout
    assert not (tmp_path / "audit.json").exists()


def test_it_is_called_wrongly() -> None:
    """An option that there is none."""
    done = subprocess.run(
        ["bash", str(ROOT / "scripts/audit"), "--nonsense"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "Usage: scripts/audit" in done.stderr) == (2, True)
