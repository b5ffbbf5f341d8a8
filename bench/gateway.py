"""What every gateway of a run has: where it lives, how it is set up, started and recognized."""

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UPSTREAM_KEY = "sk-upstream-0123456789abcdefghijklmnop"
BENCH_KEY = "sk-bench-0123456789abcdefghijklmnopqrstuv"
ADMIN_KEY = "sk-bench-admin-0123456789abcdefghijklmnop"


@dataclass(frozen=True, slots=True)
class Site:
    """Where one gateway lives during a run: its own folder, its port, and its upstream."""

    folder: Path
    port: int
    spare_port: int
    upstream: str
    """`http://127.0.0.1:1234` or `https://…`, without a path."""
    authority: Path
    """PEM file of the certificate authority behind an https upstream."""
    translated: bool = False
    """Whether Claude and Gemini are registered as well (`bench/translated.py`)."""

    @property
    def secured(self) -> bool:
        """Whether the upstream speaks TLS."""
        return self.upstream.startswith("https:")

    @property
    def url(self) -> str:
        """Chat completions of the gateway."""
        return f"http://127.0.0.1:{self.port}/v1/chat/completions"


class PreparationError(RuntimeError):
    """A gateway could not be set up; the message says what its own tool said."""


class Gateway(ABC):
    """One that can be measured."""

    name: str
    title: str
    same_bytes = True
    """Whether the answer's bytes are the upstream's; else the same meaning is enough."""
    knows_keys = False
    """Whether a wrong key is refused."""
    at_rest = False
    """Only its start and its memory without streams are measured."""
    slow = False
    """Gets fewer rounds, and runs that count to a number instead of running for seconds."""

    @abstractmethod
    def version(self) -> str:
        """Tell which version is measured."""

    @abstractmethod
    def prepare(self, site: Site) -> str:
        """Write what it needs into `site.folder`; return the bearer key that callers use."""

    @abstractmethod
    def command(self, site: Site) -> list[str]:
        """Give the server's command line."""

    def settle(self, site: Site) -> None:
        """Wait until all is done that it does behind the answers. Raises FiguresError."""
        del site

    def environment(self, site: Site) -> dict[str, str]:
        """Variables of the server. TLS: most take the authority from SSL_CERT_FILE."""
        trust = {"SSL_CERT_FILE": str(site.authority)} if site.secured else {}
        return programs_environment() | trust | {"HOME": str(site.folder)}


def programs_environment() -> dict[str, str]:
    """No proxy, no key and no setting of the caller's shell reaches a measured program."""
    return {name: value for name, value in os.environ.items() if name in _INHERITED}


_INHERITED = {"PATH", "LANG", "LC_ALL", "TZ"}
