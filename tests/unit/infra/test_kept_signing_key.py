"""The signing key of a store that may be away: asked for, kept, taken from disk when it must."""

from pathlib import Path

import pytest
from typing_extensions import override

from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.kept_signing_key import KeptSigningKey
from llmproxy.infra.database.memory import MemorySigningKeyRepository

pytestmark = pytest.mark.asyncio


class Store(MemorySigningKeyRepository):
    """A store that can be away, and counts questions."""

    away = False
    asked = 0

    @override
    async def keep(self, fresh: bytes) -> bytes:
        self.asked += 1
        if self.away:
            raise Unavailable("away")
        return await super().keep(fresh)


async def test_the_stores_key_counts_and_is_kept(tmp_path: Path) -> None:
    """Readable by its owner only; the same key comes back while the store is away."""
    store, path = Store(), tmp_path / "key"
    assert await KeptSigningKey(store, path).keep(b"one") == b"one"
    assert path.stat().st_mode & 0o777 == 0o600
    assert await KeptSigningKey(store, path).keep(b"two") == b"one"
    store.away = True
    assert await KeptSigningKey(store, path).keep(b"three") == b"one"


async def test_without_a_copy_a_store_that_is_away_is_said(tmp_path: Path) -> None:
    """No key is made up: another replica's would differ."""
    store = Store()
    store.away = True
    for prefer in (False, True):
        with pytest.raises(Unavailable):
            await KeptSigningKey(store, tmp_path / "key", prefer_kept=prefer).keep(b"one")


async def test_a_store_that_is_known_to_be_away_is_not_waited_for(tmp_path: Path) -> None:
    """The copy is taken at once."""
    store, path = Store(), tmp_path / "key"
    await KeptSigningKey(store, path).keep(b"one")
    assert await KeptSigningKey(store, path, prefer_kept=True).keep(b"two") == b"one"
    assert store.asked == 1
