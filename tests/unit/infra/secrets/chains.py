"""Chains for tests, and what a reference resolves to in one."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from llmproxy.application.interfaces.secrets import SecretMissing
from llmproxy.infra.secrets.chain import BOUNDS, Bounds, SecretChain
from tests.fakes.clock import FakeClock
from tests.fakes.vault import FakeVault

ABSENT = "the secret KEY is not set in the environment"


def made(
    folder: Path | None = None,
    vault: FakeVault | None = None,
    environment: Mapping[str, str] | None = None,
    refresh_s: float = 3600.0,
    bounds: Bounds = BOUNDS,
) -> SecretChain:
    """A chain that nothing refreshes by itself unless it is started."""
    return SecretChain(
        environment or {},
        folder=folder,
        vault=vault,
        refresh_s=refresh_s,
        clock=FakeClock(),
        bounds=bounds,
    )


@asynccontextmanager
async def started(chain: SecretChain) -> AsyncIterator[SecretChain]:
    """The chain with its refresh running."""
    chain.start()
    try:
        yield chain
    finally:
        await chain.close()


def value(chain: SecretChain, reference: str = "KEY") -> str | None:
    """What a reference resolves to, None when it is missing."""
    try:
        return chain.resolve(reference).expose()
    except SecretMissing:
        return None


def why(chain: SecretChain, reference: str = "KEY") -> str:
    """Why it is missing."""
    with pytest.raises(SecretMissing) as raised:
        chain.resolve(reference)
    return str(raised.value)
