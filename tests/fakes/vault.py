"""A key vault without a network."""

import asyncio

from typing_extensions import override

from llmproxy.infra.secrets.vault import VaultSecrets

URL = "https://vault.example"


class FakeVault(VaultSecrets):
    """Gives what `values` holds; raises `fault` while there is one, waits while it is `silent`."""

    def __init__(self, **values: str) -> None:
        super().__init__(URL, {})
        self.values = {name.replace("_", "-"): value for name, value in values.items()}
        self.fault: Exception | None = None
        self.faults: dict[str, Exception] = {}
        self.silent = False
        self.asked: list[str] = []
        self.at_once = 0
        self.closed = False
        self._inside = 0

    @override
    async def fetch(self, name: str) -> str | None:
        self.asked.append(name)
        self._inside += 1
        self.at_once = max(self.at_once, self._inside)
        try:
            await asyncio.sleep(3600 if self.silent else 0)
        finally:
            self._inside -= 1
        fault = self.faults.get(name, self.fault)
        if fault is not None:
            raise fault
        return self.values.get(name)

    @override
    async def close(self) -> None:
        self.closed = True
