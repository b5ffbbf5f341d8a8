"""A credential that changes over time, as the adapters that send requests see it.

An API key needs none of this: it is a fixed part of a target's head.
"""

from abc import abstractmethod
from typing import Protocol

from llmproxy.infra.providers.transport.target import Target

UNAUTHORIZED = 401


class Credential(Protocol):
    """What a request is signed with; one per identity, shared by all models that use it."""

    @abstractmethod
    def line(self) -> bytes | None:
        """Return the header line `authorization: Bearer …` with its CRLF.

        None while there is no token that is still good.
        """

    @abstractmethod
    async def ready(self) -> bytes:
        """Return the same; without a good token, wait for the one that is being fetched.

        Raises OwnFault with the code `upstream_credentials` when none comes in time.
        """

    @abstractmethod
    def refused(self) -> None:
        """Hear that a provider answered 401: a new token is fetched early, at most once a while."""


async def authorized(target: Target, credential: Credential | None) -> Target:
    """Return the target with the credential's header; itself where no credential changes.

    Waits only while there is no good token. Raises OwnFault as `Credential.ready` does.
    """
    if credential is None:
        return target
    line = credential.line()
    return target.carrying(await credential.ready() if line is None else line)


async def signed(headers: dict[str, str], credential: Credential | None) -> dict[str, str]:
    """Return the headers with the credential's, for a request that has no target.

    Waits and raises as `authorized` does.
    """
    if credential is None:
        return headers
    line = credential.line() or await credential.ready()
    name, _, value = line.decode("ascii").rstrip("\r\n").partition(": ")
    return headers | {name: value}


def heard(status: int, credential: Credential | None) -> None:
    """Tell the credential of a provider's answer: after a 401 its token is renewed early."""
    if credential is not None and status == UNAUTHORIZED:
        credential.refused()
