"""Asks a vulnerability service about every package of some locks, through pip-audit.

pip-audit ends with 1 both for a vulnerability and for a service that it could not ask. Here these
are two: 1 and 3. Used by scripts/audit.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FOUND, NOT_ASKED = 1, 3
LIMIT_S = 900.0


def command(lock: str, report: Path, environment: Mapping[str, str]) -> list[str]:
    """Return the call of pip-audit for one lock."""
    words = [
        *(sys.executable, "-m", "pip_audit", "--requirement", lock, "--require-hashes"),
        *("--disable-pip", "--format", "json", "--output", str(report)),
        *("--progress-spinner", "off", "--timeout", "15"),
    ]
    service = environment.get("LLMPROXY_AUDIT_SERVICE")
    address = environment.get("LLMPROXY_AUDIT_OSV_URL")
    if service:
        words += ["--vulnerability-service", service]
    return [*words, "--osv-url", address] if address else words


def asked(lock: str) -> Mapping[str, Any] | str:
    """Return the report about one lock, or in words why there is none."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        try:
            done = subprocess.run(
                command(lock, report, os.environ),
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {LIMIT_S:g} s"
        try:
            found: Mapping[str, Any] = json.loads(report.read_text("utf-8"))
        except (OSError, ValueError):
            lines = done.stderr.strip().splitlines() or ["it said nothing"]
            return lines[-1]
    return found


def vulnerable(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each vulnerability of a report."""
    return [
        f"{package['name']} {package['version']}: {each['id']}"
        f" (mended in {', '.join(each['fix_versions']) or 'no version yet'})"
        for package in report["dependencies"]
        for each in package.get("vulns", ())
    ]


def skipped(report: Mapping[str, Any]) -> list[str]:
    """Return a line for each package that was not looked up."""
    return [
        f"{package['name']}: {package['skip_reason']}"
        for package in report["dependencies"]
        if "skip_reason" in package
    ]


def main(target: str, *locks: str) -> int:
    """Ask, write the reports, say what was found; return the exit code."""
    reports: dict[str, Mapping[str, Any]] = {}
    for lock in locks:
        answer = asked(lock)
        if isinstance(answer, str):
            print(f"{lock}: the vulnerability service could not be asked: {answer}")
            print("Nothing is known about these packages now: that is no all-clear.")
            return NOT_ASKED
        reports[lock] = answer
    Path(target).write_text(json.dumps(reports, indent=2) + "\n", "utf-8")
    return told(reports)


def told(reports: Mapping[str, Mapping[str, Any]]) -> int:
    """Say what the reports hold; return the exit code."""
    code = 0
    for lock, report in reports.items():
        found, left = vulnerable(report), skipped(report)
        print(f"{lock}: {len(report['dependencies'])} packages, {len(found)} vulnerabilities")
        for line in (*found, *left):
            print(f"  {line}")
        code = FOUND if found or code == FOUND else NOT_ASKED if left else code
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
