"""Credentials where nothing is called: it is known who they are for, no token is asked for."""

from typing import Final

from typing_extensions import override

from llmproxy.domain.model import Model
from llmproxy.infra.providers.credentials.credential import Credential
from llmproxy.infra.providers.credentials.pool import Credentials

LINE: Final = b"authorization: Bearer *****\r\n"


class Withheld(Credential):
    """Stands for a credential in what is only shown."""

    @override
    def line(self) -> bytes:
        return LINE

    @override
    async def ready(self) -> bytes:
        return LINE

    @override
    def refused(self) -> None:
        """Nothing was sent that could have been refused."""


class WithheldCredentials(Credentials):
    """Finds the same as its parent, and says the same of what cannot become a credential."""

    @override
    def of(self, model: Model) -> Credential | None:
        return None if self._source(model) is None else Withheld()
