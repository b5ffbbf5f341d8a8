"""Processes of a measurement: started on one core, watched through /proc, ended by id."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Positions in /proc/PID/stat behind the command's closing bracket; proc_pid_stat(5).
_PARENT, _CHILDREN, _RESIDENT = 1, 13, 21
_LIBC = ctypes.CDLL(None)


class NotStartedError(RuntimeError):
    """A process ended early or never answered; the message holds the end of its log."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running process and the file that takes what it prints."""

    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Id of the process that was started; its children are found from it."""
        return self.process.pid

    def log_end(self, lines: int = 15) -> str:
        """Read the last lines that it printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def pinned(core: int, command: list[str]) -> list[str]:
    """Bind the command to one core, together with all it starts."""
    return ["taskset", "--cpu-list", str(core), *command]


def start(command: list[str], *, core: int, log: Path, environment: dict[str, str]) -> Started:
    """Start in the background; what it prints goes to `log`, as under a service supervisor."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            pinned(core, command),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
    return Started(process, log)


def stop(started: Started, patience_s: float = 10.0) -> None:
    """Ask the process to end, then make its whole tree end."""
    tree = process_tree(started.pid)
    started.process.terminate()
    try:
        started.process.wait(patience_s)
    except subprocess.TimeoutExpired:
        started.process.kill()
        started.process.wait()
    for pid in tree[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text[text.rindex(")") + 2 :].split()


def process_tree(root: int) -> list[int]:
    """List the ids of a process and all that descend from it, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (stat := _stat(int(entry.name))):
            children.setdefault(int(stat[_PARENT]), []).append(int(entry.name))
    tree = [root]
    for pid in tree:
        tree.extend(children.get(pid, []))
    return tree


def cpu_us(root: int) -> float:
    """User and system time of the tree so far, ended children and threads included.

    By the CPU clock of each process, in nanoseconds' steps (clock_getcpuclockid(3)); ended children
    are in steps of 10 ms.
    """
    total_us = 0.0
    for pid in process_tree(root):
        stat = _stat(pid)
        if stat is None:
            continue
        with contextlib.suppress(OSError):
            total_us += own_cpu_us(pid)
        total_us += sum(int(field) for field in stat[_CHILDREN : _CHILDREN + 2]) * TICK_US
    return total_us


def own_cpu_us(pid: int) -> float:
    """User and system time of one process so far, its threads included. Raises OSError."""
    clock = ctypes.c_int()
    failed = _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock))
    if failed:
        raise OSError(failed, os.strerror(failed))
    return time.clock_gettime_ns(clock.value) / 1e3


def threads_us(pid: int) -> float:
    """Time on a processor of all threads of one process but its first, in nanoseconds' steps.

    Of those that are there still: first field of /proc/PID/task/TID/schedstat, which the kernel's
    documentation of sched-stats describes.
    """
    total_ns = 0
    for entry in Path(f"/proc/{pid}/task").iterdir():
        if entry.name != str(pid):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                total_ns += int((entry / "schedstat").read_text().split()[0])
    return total_ns / 1e3


def peak_bytes(pid: int) -> int:
    """Return the most that the RSS of one process has been; proc_pid_status(5), VmHWM."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/{pid}/status does not tell VmHWM")


def resident_bytes(root: int) -> int:
    """RSS of the tree. Pages shared between its processes count in each of them."""
    found = (_stat(pid) for pid in process_tree(root))
    return sum(int(stat[_RESIDENT]) for stat in found if stat) * _PAGE_BYTES
