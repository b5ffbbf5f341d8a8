"""Where the values behind secret references live."""

from abc import abstractmethod
from collections.abc import Collection
from typing import Protocol

from llmproxy.domain.secret import Secret


class SecretMissing(LookupError):
    """The reference names nothing; the message says where it was looked for."""


class SecretSource(Protocol):
    """Resolves references such as `AZURE_OPENAI_API_KEY` or `SP-BRIDGE-4852-DEV`."""

    @abstractmethod
    def resolve(self, reference: str) -> Secret:
        """Return the secret, from memory. Raises SecretMissing.

        It never falls back to the reference itself. One that has not been looked for where that
        takes a while (a vault) is missing for now, and is looked for from then on.
        """


class SecretKeeper(SecretSource, Protocol):
    """A source that looks secrets up ahead of time and again and again.

    Whoever built something from a secret builds it anew when `changed` says that the secret has
    another value, or is there now.
    """

    @abstractmethod
    async def prepare(self, references: Collection[str]) -> None:
        """Look these up, those that are known already left out; returns within a stated time.

        What cannot be found or reached is no error here: `resolve` says so.
        """

    @abstractmethod
    def changed(self) -> frozenset[str]:
        """Return the references whose values have changed since the last question, or are new."""

    @abstractmethod
    def states(self) -> dict[str, str | None]:
        """Return each place that can fail (a vault), with what is wrong now, None when it is well.

        Never the value of a secret.
        """
