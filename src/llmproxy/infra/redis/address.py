"""Where Redis is: what REDIS_URL says.

```text
redis://[[user]:password@]host[:port][/database]
rediss://…                                            the same over TLS
unix://[[user]:password@]/path/of/the/socket[?db=1]
```

The forms are those that redis-py registered and all clients read; what is in a password and is no
plain character is percent-encoded. https://redis.io/docs/latest/develop/clients/
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from llmproxy.domain.secret import Secret

PORT: Final = 6379


class BadAddress(ValueError):
    """The address makes no sense. The message never holds the address: it may hold a password."""


@dataclass(frozen=True, slots=True)
class Address:
    """One server. `path` is that of a unix socket; then there is no `host`."""

    host: str
    port: int
    path: str
    tls: bool
    user: str | None
    password: Secret | None
    database: int

    @property
    def place(self) -> str:
        """Where it is, without who we are there."""
        if self.path:
            return f"unix:{self.path}"
        scheme = "rediss" if self.tls else "redis"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}/{self.database}"


def read_address(url: Secret) -> Address:
    """Read an address. Raises BadAddress."""
    try:
        parts = urlsplit(url.expose())
        port = parts.port or PORT
    except ValueError:
        raise BadAddress("not an address") from None
    if parts.scheme not in ("redis", "rediss", "unix"):
        raise BadAddress("it must begin with redis://, rediss:// or unix://")
    socket = parts.scheme == "unix"
    path = unquote(parts.path) if socket else ""
    if socket and (parts.hostname or not path.startswith("/")):
        raise BadAddress("a unix socket needs its whole path: unix:///run/redis/redis.sock")
    host = "" if socket else parts.hostname or ""
    if not socket and not host:
        raise BadAddress("it names no host")
    user = unquote(parts.username) if parts.username else None
    password = None if parts.password is None else Secret(unquote(parts.password))
    return Address(host, port, path, parts.scheme == "rediss", user, password, _database(parts))


def _database(parts: SplitResult) -> int:
    asked = parse_qs(parts.query).get("db", [""])[-1]
    if parts.scheme != "unix":
        asked = parts.path.strip("/") or asked
    if not asked:
        return 0
    if not (asked.isascii() and asked.isdecimal()):
        raise BadAddress("the number of the database must be a whole number")
    return int(asked)
