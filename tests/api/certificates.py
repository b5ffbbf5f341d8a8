"""Certificates for one test run, each its own authority."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Certificate:
    """Files in PEM."""

    certificate: Path
    key: Path


def certificate_for(folder: Path, name: str, *names: str) -> Certificate:
    """Make one whose only names are `names` (such as `IP:127.0.0.1`). Without openssl: skips."""
    openssl = shutil.which("openssl")
    if openssl is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing("openssl is not installed")
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    options = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj"
    command = [openssl, *options.split(), f"/CN={name}", "-addext"]
    command += [f"subjectAltName={','.join(names)}", "-out", str(made.certificate)]
    subprocess.run([*command, "-keyout", str(made.key)], check=True, capture_output=True)
    return made


def expire(made: Certificate) -> None:
    """Sign it anew, with a last day that is over."""
    files = ["-in", str(made.certificate), "-signkey", str(made.key), "-out", str(made.certificate)]
    command = [shutil.which("openssl") or "openssl", "x509", "-days", "-1", *files]
    subprocess.run(command, check=True, capture_output=True)
