"""The ledger without a journal: for who looks and carries nothing."""

from collections.abc import Collection, Mapping

from typing_extensions import override

from llmproxy.application.interfaces.limiter import History, Past, Scope, Stretch
from llmproxy.application.interfaces.usage_ledger import UsageLedger


class LedgerAlone(Past):
    """What workers have journalled and not carried yet, a second's worth, is not seen."""

    def __init__(self, ledger: UsageLedger) -> None:
        self._ledger = ledger

    @override
    async def history(self, scopes: Collection[Scope], now: float) -> History:
        return await self._ledger.history(scopes, now)

    @override
    def since(self, positions: Mapping[str, int]) -> list[Stretch]:
        return []

    @override
    def place(self) -> tuple[str, int]:
        return "", 0
