"""Loopback is reached directly, whatever proxies the shell names."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True, name="no_proxy")
def _no_proxy() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield
