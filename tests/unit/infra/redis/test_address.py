"""What REDIS_URL says."""

from typing import Any

import pytest

from llmproxy.domain.secret import Secret
from llmproxy.infra.redis.address import Address, BadAddress, read_address


def at(host: str, **fields: Any) -> Address:  # noqa: ANN401 - the fields of an address
    """An address that says little."""
    said: dict[str, Any] = {"port": 6379, "path": "", "tls": False, "database": 0}
    return Address(host, user=None, password=None, **said | fields)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://cache", at("cache")),
        ("redis://cache:7000/3", at("cache", port=7000, database=3)),
        ("rediss://cache", at("cache", tls=True)),
        ("redis://[::1]:7000", at("::1", port=7000)),
        ("redis://cache?db=4", at("cache", database=4)),
        ("unix:///run/redis.sock?db=2", at("", path="/run/redis.sock", database=2)),
    ],
)
def test_forms(url: str, expected: Address) -> None:
    """Host, port, socket, TLS and database are where all clients of Redis read them."""
    assert read_address(Secret(url)) == expected


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("redis://:s%40cret@cache", None, "s@cret"),
        ("redis://gateway:p%2Fw@cache", "gateway", "p/w"),
        ("unix://gateway:pw@/run/redis.sock", "gateway", "pw"),
    ],
)
def test_accounts(url: str, user: str | None, password: str) -> None:
    """User and password are decoded, and the password never prints."""
    address = read_address(Secret(url))
    assert address.user == user
    assert address.password is not None
    assert address.password.expose() == password
    assert password not in repr(address)
    assert password not in address.place


@pytest.mark.parametrize(
    "url",
    [
        "http://cache",
        "redis://",
        "redis://cache:hunter2/x",
        "redis://:hunter2@cache/one",
        "unix://run/redis.sock",
    ],
)
def test_refused(url: str) -> None:
    """An address that makes no sense is refused, in words that do not repeat it."""
    with pytest.raises(BadAddress) as raised:
        read_address(Secret(url))
    assert "hunter2" not in str(raised.value)
