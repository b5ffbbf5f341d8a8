"""The machine and the programs of a run, for the report."""

import os
import platform
import re
import ssl
import subprocess
from importlib import metadata
from pathlib import Path

_STEAL = 7
_IDLE = (3, 4)


def _first(path: str, pattern: str) -> str:
    try:
        found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    except OSError:
        return "?"
    return found.group(1).strip() if found else "?"


def _wrk_version() -> str:
    told = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False)
    found = re.search(r"wrk (\S+)", told.stdout + told.stderr)
    return found.group(1) if found else "?"


def describe(gateway_core: int, load_core: int) -> dict[str, str]:
    """Collect what a reader needs to judge the figures."""
    model = _first("/proc/cpuinfo", r"^model name\s*:\s*(.+)")
    memory_kib = _first("/proc/meminfo", r"^MemTotal:\s+(\d+)")
    return {
        "CPU": f"{model}, {os.cpu_count()} cores",
        "cores used": f"gateway on {gateway_core}, load and upstream on {load_core}",
        "memory": f"{int(memory_kib) / 1024**2:.0f} GiB" if memory_kib.isdigit() else "?",
        "virtual": "yes" if " hypervisor" in Path("/proc/cpuinfo").read_text() else "no",
        "kernel": f"{platform.system()} {platform.release()}",
        "system": _first("/etc/os-release", r'^PRETTY_NAME="?([^"\n]+)'),
        "Python": f"{platform.python_version()} with {ssl.OPENSSL_VERSION}",
        "load": f"wrk {_wrk_version()}, uvloop {metadata.version('uvloop')}",
    }


def core_ticks(core: int) -> tuple[int, int]:
    """Busy and stolen ticks of one core since boot, of 10 ms each."""
    for line in Path("/proc/stat").read_text().splitlines():
        if line.startswith(f"cpu{core} "):
            fields = [int(field) for field in line.split()[1:9]]
            idle = sum(fields[i] for i in _IDLE)
            return sum(fields) - idle - fields[_STEAL], fields[_STEAL]
    raise RuntimeError(f"/proc/stat does not know core {core}")
