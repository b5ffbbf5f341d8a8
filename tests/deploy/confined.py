"""A process as the image's: a root that is read-only, no capabilities, nobody's number.

Linux' own means do it, those that Docker uses: a mount namespace, and setpriv. In the namespace the
data folder is `DATA`, what the image would hold is `HELD`, and `/tmp` is empty memory.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.deploy.programs import program

DATA, HELD = Path("/mnt"), Path("/srv")
NUMBER = 10001
MOUNTS = """
set -eu
mount --bind "$1" /mnt
mount --bind "$2" /srv
mount -t tmpfs -o mode=1777,size=64m tmpfs /tmp
mount -o remount,ro,bind /srv
# Whatever cannot be made read-only here could be written before: the process is nobody, too.
while read -r _ place _; do
  case $place in
    /proc* | /sys* | /dev* | /mnt | /srv | /tmp) ;;
    *) mount -o remount,ro,bind "$place" 2>/dev/null || true ;;
  esac
done </proc/self/mounts
shift 2
exec "$@"
"""


def confined(data: Path, held: Path, command: Sequence[str]) -> list[str]:
    """The command, to be run with these two folders at their places."""
    unshare = [program("unshare", "Debian's package util-linux"), "--mount", "--propagation"]
    mounted = ["sh", "-c", MOUNTS, "sh", str(data), str(held)]
    if os.geteuid() != 0:
        return [*unshare, "private", "--map-root-user", *mounted, *_nobody(()), *command]
    numbers = ("--reuid", str(NUMBER), "--regid", str(NUMBER), "--clear-groups")
    return [*unshare, "private", *mounted, *_nobody(numbers), *command]


def _nobody(numbers: Sequence[str]) -> list[str]:
    rights = ("--inh-caps=-all", "--bounding-set=-all", "--no-new-privs")
    return [program("setpriv", "Debian's package util-linux"), *numbers, *rights]


def give(folder: Path) -> None:
    """Let the number own a folder, as the image does with its volume."""
    folder.mkdir()
    if os.geteuid() == 0:
        os.chown(folder, NUMBER, NUMBER)
    folder.chmod(0o700)


def outcome(
    data: Path, held: Path, command: Sequence[str], environment: Mapping[str, str]
) -> "subprocess.CompletedProcess[str]":
    """Run a command that ends."""
    return subprocess.run(
        confined(data, held, command),
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def why_not() -> str | None:
    """Why this machine cannot do it; None where it can."""
    probe = [sys.executable, "-c", "open('/usr/written', 'w')"]
    unable = subprocess.run(
        confined(Path("/var"), Path("/usr"), ["true"]), capture_output=True, text=True, check=False
    )
    if unable.returncode != 0:
        return f"no mount namespace here: {unable.stderr.strip()}"
    writing = subprocess.run(
        confined(Path("/var"), Path("/usr"), probe), capture_output=True, text=True, check=False
    )
    if "Read-only file system" not in writing.stderr:
        return f"{shlex.join(probe)} did not find a read-only root: {writing.stderr.strip()}"
    return None
