"""nginx from the files of deploy/nginx, with this machine's addresses in the place of Docker's."""

import re
import socket
import ssl
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree

from tests.deploy.programs import ROOT
from tests.nginx import program, started
from tests.ports import free_port
from tests.simulators.tls import self_signed

FILES = ROOT / "deploy/nginx"
READ_TIMEOUT = "3660s"
RESOLVES_SINCE = (1, 27, 3)
"""Before it, `resolve` was in the commercial version only."""


@dataclass(frozen=True, slots=True)
class Nginx:
    """One that runs: where it speaks TLS, and where plain HTTP."""

    folder: Path
    tls_port: int
    plain_port: int
    certificate: Path
    process: "subprocess.Popen[bytes]"

    def context(self) -> ssl.SSLContext:
        """A client's TLS, which believes this certificate only."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self) -> ssl.SSLSocket:
        """A connection, for bytes."""
        plain = socket.create_connection(("127.0.0.1", self.tls_port), timeout=30)
        return self.context().wrap_socket(plain, server_hostname="localhost")

    def kept(self) -> list[str]:
        """What it says of bodies and answers that it wrote to files, which it warns of."""
        lines = (self.folder / "nginx.log").read_text().splitlines()
        return [line for line in lines if "buffered to a temporary file" in line]


@contextmanager
def running(
    folder: Path, gateways: Sequence[int], *, read_timeout: str = READ_TIMEOUT
) -> Iterator[Nginx]:
    """Run it before the gateways at these ports, with its own patience or another."""
    nginx = program()
    copytree(FILES, folder / "conf")
    (folder / "tmp").mkdir()
    folder.chmod(0o755)
    (folder / "tls").mkdir()
    certificate, _ = self_signed(folder / "tls")
    tls_port, plain_port = free_port(), free_port()
    for path in (folder / "conf").iterdir():
        text = path.read_text("utf-8")
        text = here(text, folder, gateways, resolves=version(nginx) >= RESOLVES_SINCE)
        text = once(
            text, f"proxy_read_timeout {READ_TIMEOUT};", f"proxy_read_timeout {read_timeout};"
        )
        text = once(text, "listen 8443 ssl;", f"listen 127.0.0.1:{tls_port} ssl;")
        path.write_text(once(text, "listen 8080;", f"listen 127.0.0.1:{plain_port};"))
    with started(folder / "conf/nginx.conf", folder, (tls_port, plain_port)) as process:
        yield Nginx(folder, tls_port, plain_port, certificate, process)


def here(text: str, folder: Path, gateways: Sequence[int], *, resolves: bool) -> str:
    """The same configuration with paths and addresses of this machine."""
    places = {
        "/run/secrets/tls": folder / "tls",
        "/tmp": folder / "tmp",  # noqa: S108
        "/dev/stdout": folder / "access.log",
    }
    text = re.sub("|".join(places), lambda found: str(places[found[0]]), text)
    servers = "\n  ".join(f"server 127.0.0.1:{port} max_fails=0;" for port in gateways)
    text = re.sub(r"server gateway:8000 resolve max_fails=0;", servers, text)
    if resolves:
        return text
    return re.sub(r"^resolver .*$", "", text, flags=re.MULTILINE)


def once(text: str, old: str, new: str) -> str:
    """Replace what stands at most once."""
    assert text.count(old) <= 1, old
    return text.replace(old, new)


def version(nginx: str) -> tuple[int, ...]:
    """Such as (1, 22, 1)."""
    told = subprocess.run([nginx, "-v"], capture_output=True, text=True, check=True).stderr
    found = re.search(r"nginx/(\d+)\.(\d+)\.(\d+)", told)
    assert found is not None, told
    return tuple(int(each) for each in found.groups())
