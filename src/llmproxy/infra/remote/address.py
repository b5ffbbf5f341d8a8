"""Where a running gateway is."""

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit


class Address(NamedTuple):
    """A gateway's address, checked; `prefix` is what stands before its own paths."""

    secure: bool
    host: str
    port: int | None
    prefix: str

    @property
    def in_the_clear(self) -> bool:
        """Whether the key would travel unencrypted, and not on this machine only."""
        if self.secure or self.host == "localhost":
            return False
        try:
            return not ip_address(self.host).is_loopback
        except ValueError:
            return True

    @property
    def text(self) -> str:
        """The address for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"http{'s' if self.secure else ''}://{host}{port}{self.prefix}"


def address(written: str) -> Address:
    """Read an address such as `https://gateway.example.com`. Raises ValueError, saying why not."""
    try:
        url = urlsplit(written)
        port = url.port
    except ValueError:
        raise ValueError("it is no URL") from None
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        raise ValueError("give an address such as https://gateway.example.com")
    if "@" in url.netloc or url.query or url.fragment:
        raise ValueError("it must hold no credentials, query or fragment")
    if not written.isascii() or not written.isprintable() or " " in written:
        raise ValueError("it must be plain ASCII without blanks")
    return Address(url.scheme == "https", url.hostname, port, url.path.rstrip("/"))
