"""Ids of responses as clients see them: who made a response is written in its id.

So it is found on every worker and after a restart without any table, and an id that was made for
another project is none.
"""

import json

from llmproxy.application.interfaces.sealing import Sealing
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import may_use
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import InvalidRequest, UnknownResponse

PREFIX = "resp_"
KIND = "response"
REMOVED = "The deployment that made it is no longer registered."
NOT_KEPT = "Models that only chat keep no responses: send the earlier items in `input` instead."
MAX_WORDS = 200


class ResponseIds:
    """Makes and reads the ids."""

    def __init__(self, sealing: Sealing) -> None:
        self._sealing = sealing

    def shown(self, upstream: str, deployment: str, project: str | None) -> str:
        """Return what a client of this project knows the response by; the same every time."""
        payload = json.dumps((upstream, deployment, project), separators=(",", ":"))
        return PREFIX + self._sealing.seal(KIND, payload.encode("utf-8"))

    def origin(self, shown: str, project: str | None) -> Origin | None:
        """Return where the response lives, None for an id that was not made for this project."""
        if not shown.startswith(PREFIX):
            return None
        payload = self._sealing.unseal(KIND, shown.removeprefix(PREFIX))
        if payload is None:
            return None
        upstream, deployment, made_for = json.loads(payload)
        return Origin(shown, upstream, deployment) if made_for == project else None


class ResponseDirectory:
    """Finds the deployment that made a response."""

    def __init__(self, registry: Registry, ids: ResponseIds) -> None:
        self._registry = registry
        self._ids = ids

    def find(self, shown: str, caller: Caller) -> tuple[Origin, Deployment]:
        """Return where a response lives and who made it. Raises UnknownResponse."""
        origin = self._ids.origin(shown, caller.project)
        if origin is None:
            raise UnknownResponse(_not_found("Response", shown))
        [deployment] = self._registry.snapshot.by_id.get(origin.deployment, (None,))
        if deployment is None:
            raise UnknownResponse(_not_found("Response", shown), hint=REMOVED)
        if not may_use(caller, deployment):
            raise UnknownResponse(_not_found("Response", shown))
        return origin, deployment

    def previous(self, shown: str, caller: Caller) -> Origin:
        """Return where the response lives that a request goes on from. Raises InvalidRequest."""
        try:
            origin, _ = self.find(shown, caller)
        except UnknownResponse as error:
            raise InvalidRequest(
                _not_found("Previous response", shown),
                param="previous_response_id",
                code="previous_response_not_found",
                hint=error.hint or NOT_KEPT,
            ) from error
        return origin


def _not_found(what: str, shown: str) -> str:
    """Return OpenAI's own words."""
    return f"{what} with id '{shown[:MAX_WORDS]}' not found."
