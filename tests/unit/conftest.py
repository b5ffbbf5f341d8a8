"""Unit tests have no network: what needs a socket is proven in tests/contract or tests/api."""

import pytest_socket


def pytest_runtest_setup() -> None:
    """Refuse sockets for the test; event loops may still wake themselves over a Unix pair.

    ``pytest_socket`` lifts the ban again when the test is torn down.
    """
    pytest_socket.disable_socket(allow_unix_socket=True)
