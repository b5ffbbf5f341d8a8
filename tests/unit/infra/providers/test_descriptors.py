"""Connections to providers and the limit of open files."""

import logging
import resource

import pytest

from llmproxy.infra.providers.transport.descriptors import SPARE, within_descriptors


def test_few_fit_in_every_limit(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said where nothing is wrong."""
    assert within_descriptors(5) == 5
    assert caplog.records == []


def test_more_than_there_are_files(caplog: pytest.LogCaptureFixture) -> None:
    """Half of the files are for clients, and the operator is told."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))
    try:
        with caplog.at_level(logging.WARNING):
            room = within_descriptors(10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    assert room == (1024 - SPARE) // 2
    assert f"at most {room} connections" in caplog.text
