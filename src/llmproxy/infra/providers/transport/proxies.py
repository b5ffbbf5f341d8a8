"""Which proxy, if any, stands before a host.

HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY as curl reads them.
"""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from typing_extensions import override


@dataclass(frozen=True, slots=True)
class Proxy:
    """A forward proxy reached over plain HTTP."""

    host: str
    port: int
    authorization: str | None

    @override
    def __repr__(self) -> str:
        return f"Proxy({self.host}:{self.port})"


class Proxies:
    """Chooses the proxy of a host. An empty mapping means that there is none."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        lowered = {name.lower(): value for name, value in environment.items() if value}
        everywhere = lowered.get("all_proxy")
        self._by_scheme = {
            scheme: _parse(value)
            for scheme in ("http", "https")
            if (value := lowered.get(f"{scheme}_proxy", everywhere))
        }
        self._direct = [
            each.strip().lower() for each in lowered.get("no_proxy", "").split(",") if each.strip()
        ]

    def before(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for this origin, or None for a direct connection."""
        proxy = self._by_scheme.get(scheme)
        if proxy is None or any(_matches(rule, host.lower(), port) for rule in self._direct):
            return None
        return proxy


def _matches(rule: str, host: str, port: int) -> bool:
    if rule == "*":
        return True
    name, _, rule_port = rule.partition(":") if rule.count(":") == 1 else (rule, "", "")
    if rule_port and rule_port != str(port):
        return False
    name = name.removeprefix("*").removeprefix(".")
    return host == name or host.endswith(f".{name}")


def _parse(value: str) -> Proxy:
    parts = urlsplit(value if "://" in value else f"http://{value}")
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"a proxy must be an http:// URL, not {parts.scheme}://…")
    authorization = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        authorization = "Basic " + b64encode(pair.encode()).decode("ascii")
    return Proxy(parts.hostname, parts.port or 3128, authorization)
