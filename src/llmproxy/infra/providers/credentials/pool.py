"""All credentials that expire: one for each identity, as long as a model uses it."""

import weakref
from collections.abc import Mapping

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.domain.model import Model
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.credential import Credential
from llmproxy.infra.providers.credentials.entra import entra
from llmproxy.infra.providers.credentials.google import google
from llmproxy.infra.providers.credentials.ibm import ibm
from llmproxy.infra.providers.credentials.refresher import Refresher
from llmproxy.infra.providers.credentials.token import Source


class Credentials:
    """Finds what a model's requests are signed with: a key, or a credential shared with others."""

    def __init__(self, secrets: SecretSource, environment: Mapping[str, str], clock: Clock) -> None:
        self._secrets = secrets
        self._environment = environment
        self._clock = clock
        # Deployments hold their credential: with the last of them it is gone, and renews no more.
        self._refreshers: weakref.WeakValueDictionary[tuple[str, ...], Refresher] = (
            weakref.WeakValueDictionary()
        )

    def key(self, model: Model) -> Secret | None:
        """Return the key that a document names, None when it names none. Raises SecretMissing."""
        name = model.parameters.secret_name
        if name is None:
            return None
        try:
            return self._secrets.resolve(name)
        except SecretMissing as error:
            if model.provider != "Azure":
                raise
            hint = 'for Entra ID instead of a key, say "auth": "entra" in parameters'
            raise SecretMissing(f"{error}; {hint}") from error

    def of(self, model: Model) -> Credential | None:
        """Return the credential of a document, None where a key is used or nothing.

        It begins to fetch its first token at once; call it with an event loop. Raises ValueError or
        SecretMissing for what cannot become a credential, with words for people.
        """
        source = self._source(model)
        if source is None:
            return None
        known = self._refreshers.get(source.key)
        if known is None:
            known = Refresher(source.name, source.fetch, self._clock)
            self._refreshers[source.key] = known
        return known

    def _source(self, model: Model) -> Source | None:
        identity = model.parameters.identity
        if identity is not None:
            return entra(identity, self._secrets, self._environment)
        if model.provider == "Google":
            return google(model.parameters, self._secrets, self._environment)
        if model.provider == "LiteLLM":
            return ibm(model.parameters, self._secrets, self._environment)
        return None

    def states(self) -> dict[str, str | None]:
        """Return each credential's name with what is wrong with it, None when all is well."""
        return {each.name: each.problem for each in self._refreshers.values()}

    def counts(self) -> dict[str, int]:
        """Return the gauges: how many there are, how many fail to renew, how many have no token."""
        every = list(self._refreshers.values())
        failing = sum(each.failing for each in every)
        expired = sum(each.expired for each in every)
        return {"known": len(every), "failing": failing, "expired": expired}

    def close(self) -> None:
        """Renew no more."""
        for each in list(self._refreshers.values()):
            each.close()
