"""What a server leaves behind: the lines of its journal, and the memory it holds."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.api.gateway import Gateway


def journal(gateway: Gateway) -> bytes:
    """All lines that were written so far, oldest first: admissions and settlements."""
    return whole_lines(Path(gateway.environment["LLMPROXY_DATA_DIR"], "journal"))


def whole_lines(folder: Path) -> bytes:
    """All lines of a journal's folder, oldest first, while others may be writing there."""
    files = sorted(folder.glob("*.jsonl"), key=lambda path: path.stat().st_mtime_ns)
    # A read may fall into the middle of a write: what has no line feed yet is not written so far.
    read = (path.read_bytes().rpartition(b"\n") for path in files)
    return b"".join(lines + end for lines, end, _ in read)


def _lines(gateway: Gateway) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in journal(gateway).splitlines()]
    return [line for line in lines if "request_id" in line]  # the others tell of the file


def opened(gateway: Gateway) -> list[dict[str, Any]]:
    """The admissions: calls for which something was reserved."""
    return [line for line in _lines(gateway) if "outcome" not in line]


def settled(gateway: Gateway) -> list[dict[str, Any]]:
    """The settlements, in the order in which the calls ended."""
    return [line for line in _lines(gateway) if "outcome" in line]


def resident_bytes(process_id: int) -> int:
    """The memory of a process that is in RAM now."""
    if Path(f"/proc/{process_id}/status").exists():
        return memory_bytes(process_id)
    shown = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(process_id)], check=True, capture_output=True, text=True
    )
    return int(shown.stdout) * 1024


def memory_bytes(process_id: int, field: str = "VmRSS") -> int:
    """What Linux says of its memory; `VmHWM` is the most that it ever held."""
    status = Path(f"/proc/{process_id}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith(f"{field}:")]
    return int(line.split()[1]) * 1024


def cpu_s(process_id: int) -> float:
    """What a process and its threads have had of the processor."""
    said = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(said[11]) + int(said[12])) / os.sysconf("SC_CLK_TCK")


def open_files(process_id: int) -> int:
    """How many files and sockets a process holds. Skips the test where this cannot be seen."""
    folder = Path(f"/proc/{process_id}/fd")
    if not folder.exists():
        pytest.skip("there is no /proc to count open files in")
    return len(list(folder.iterdir()))
