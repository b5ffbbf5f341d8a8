"""The signing key of a store that may be away at the start: a copy of it stays on disk."""

import asyncio
import os
from pathlib import Path

from typing_extensions import override

from llmproxy.application.interfaces.signing_key_repository import SigningKeyRepository
from llmproxy.domain.errors import Unavailable


class KeptSigningKey(SigningKeyRepository):
    """Asks the store first; `path` is written when it answers and read when it does not.

    With `prefer_kept` a copy that is there is taken without asking: the store is known to be away.
    """

    def __init__(
        self, store: SigningKeyRepository, path: Path, *, prefer_kept: bool = False
    ) -> None:
        self._store = store
        self._path = path
        self._prefer_kept = prefer_kept

    @override
    async def keep(self, fresh: bytes) -> bytes:
        kept = await asyncio.to_thread(self._read)
        if self._prefer_kept and kept is not None:
            return kept
        try:
            key = await self._store.keep(fresh)
        except Unavailable:
            if kept is None:
                raise
            return kept
        await asyncio.to_thread(self._write, key)
        return key

    def _read(self) -> bytes | None:
        try:
            return self._path.read_bytes() or None
        except FileNotFoundError:
            return None

    def _write(self, key: bytes) -> None:
        if self._read() == key:
            return
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
