"""What a request shows of its caller: a key, and whether it comes from this machine itself."""

from collections.abc import Callable, Mapping, MutableMapping
from functools import partial
from ipaddress import ip_address
from typing import Any

FORWARDED = (
    b"forwarded",
    b"x-real-ip",
    b"via",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"cdn-loop",
)
FORWARDED_START = b"x-forwarded-"
"""What proxies add. They are only ever a reason to trust less: none of them is believed."""


def key_of(headers: Mapping[bytes, bytes]) -> bytes | None:
    """Return the key of `Authorization: Bearer`, `api-key` or `x-api-key`."""
    value = headers.get(b"authorization")
    if value is not None:
        scheme, _, key = value.partition(b" ")
        return key.strip() if scheme.lower() == b"bearer" else None
    return headers.get(b"api-key") or headers.get(b"x-api-key")


def comes_from_here(scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
    """Whether peer, Host and Origin are this machine and no proxy stands between.

    Host and Origin count because a web page elsewhere can make a browser on this machine send
    requests here (cross-site requests, DNS rebinding).
    """
    client = scope.get("client")
    if client is None or not _is_loopback(client[0]) or _through_a_proxy(scope, headers):
        return False
    origin = headers.get(b"origin", b"")
    hosts = [headers.get(b"host", b"localhost")]
    if origin:
        hosts.append(origin.partition(b"://")[2])
    return all(_is_loopback(_host(each)) for each in hosts)


def _through_a_proxy(scope: MutableMapping[str, Any], headers: Mapping[bytes, bytes]) -> bool:
    """Whether somebody may have passed this request on.

    nginx adds none of these headers unless it is told to, but then it speaks HTTP/1.0 and says
    `connection: close`, as hardly a client of today does (nginx.org, ngx_http_proxy_module:
    `proxy_http_version` is 1.0 before 1.29.7, and both are what it sets by itself).
    """
    if scope.get("http_version") == "1.0" and headers.get(b"connection") == b"close":
        return True
    return any(name in FORWARDED or name.startswith(FORWARDED_START) for name in headers)


def credentials(scope: MutableMapping[str, Any]) -> tuple[bytes | None, Callable[[], bool]]:
    """Return what `Registry.authenticate` takes."""
    headers = dict(scope["headers"])
    return key_of(headers), partial(comes_from_here, scope, headers)


def _host(authority: bytes) -> str:
    text = authority.decode("latin-1")
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
