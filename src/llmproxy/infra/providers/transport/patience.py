"""How long one call may wait: a deployment's own limits, within what the client waits out."""

from llmproxy.infra.providers.transport.target import Patience

MAX_PATIENCES = 64
"""The official SDKs have one default each; few applications set another."""


class Patiences:
    """The limits of one deployment, narrowed once for each limit of a client's."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._narrowed: dict[tuple[float, bool], Patience] = {}

    def of(self, limit_s: float | None, *, whole: bool) -> Patience:
        """Return what the client's own limit on silence leaves; None is no such limit.

        It hears nothing before an answer in one piece is `whole`, so that all of that counts.
        """
        if limit_s is None:
            return self._patience
        known = self._narrowed.get((limit_s, whole))
        if known is not None:
            return known
        made = self._patience.within(limit_s, whole=whole)
        if len(self._narrowed) < MAX_PATIENCES:
            self._narrowed[limit_s, whole] = made
        return made
