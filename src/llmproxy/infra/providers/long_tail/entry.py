"""What the catalogue asks for a document with the model_type LiteLLM."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from llmproxy.application.interfaces.secrets import SecretSource
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.token import told
from llmproxy.infra.providers.long_tail.closed import closed
from llmproxy.infra.providers.long_tail.converse import Converse
from llmproxy.infra.providers.long_tail.departures import plain
from llmproxy.infra.providers.long_tail.dialect import Asked, Dialect
from llmproxy.infra.providers.long_tail.document import Said, said
from llmproxy.infra.providers.long_tail.gemini import Gemini
from llmproxy.infra.providers.long_tail.importing import check_installed, part
from llmproxy.infra.providers.long_tail.loading import Loader
from llmproxy.infra.providers.long_tail.prepared import Prepared, prepare, split
from llmproxy.infra.providers.long_tail.translation import LongTailChat
from llmproxy.infra.providers.openai_wire.endpoints import Incomplete
from llmproxy.infra.providers.translated.chat_answer import AnswerHead
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Translation
from llmproxy.infra.providers.transport.client import HttpClient

logger = logging.getLogger("llmproxy.providers")

DIALECTS: Final[Mapping[str, Callable[[Prepared, Said], Dialect]]] = {
    "bedrock": Converse,
    "gemini": Gemini,
}
_NOBODY: Final = {
    "aws_region_name": "us-east-1",
    "aws_access_key_id": "none",
    "aws_secret_access_key": "none",
    "project_id": "none",
}


class LongTail:
    """All models behind LiteLLM. `loaded` is called when more of them can be used."""

    def __init__(self, secrets: SecretSource, loaded: Callable[[], None]) -> None:
        self._secrets = secrets
        self._loader = Loader(warmed, loaded)

    def translations(self, client: HttpClient, model: Model) -> Mapping[Endpoint, Translation]:
        """Return what a document offers.

        Raises Incomplete or SecretMissing for what is wrong with it, and Incomplete while LiteLLM
        is being loaded for it, which this begins; call it with an event loop.
        """
        document = said(model, self._secrets)
        split(document.name)
        check_installed()
        prepared = self._loader.prepared(document.name)
        try:
            dialect = _dialect(prepared, document)
        except Incomplete:
            raise
        except Exception as error:
            raise Incomplete(f"LiteLLM cannot be used for it: {told(error)}") from error
        chat = LongTailChat(client, model, prepared, dialect, document.secrets)
        return {Endpoint.CHAT_COMPLETIONS: chat}

    async def settled(self) -> None:
        """Wait until nothing is being loaded."""
        await self._loader.settled()

    def close(self) -> None:
        """Load no more."""
        self._loader.close()


def warmed(name: str) -> Prepared:
    """Prepare a model for the loader, and use its translator once.

    LiteLLM and botocore import many of their modules where they are first used, and pydantic makes
    its validators then: that would be in the first requests, on the event loop.
    """
    prepared = prepare(name)
    key = None if prepared.provider == "bedrock" else Secret("none")
    try:
        dialect = _dialect(prepared, Said(name, "https://host.invalid/v1", key, _NOBODY))
        with closed():
            made = dialect.request(Asked([{"role": "user", "content": "?"}], {}, stream=True))
            dialect.reader(made, ChatChunks(AnswerHead("", 0, ""), include_usage=False))
        part("types.utils", "ModelResponse")()
        delta = part("types.utils", "Delta")(content="?")
        choice = part("types.utils", "StreamingChoices")(delta=delta)
        part("types.utils", "ModelResponseStream")(choices=[choice])
    except Exception as error:
        logger.debug("the translator of %s could not be tried", name, exc_info=error)
    return prepared


def _dialect(prepared: Prepared, document: Said) -> Dialect:
    with closed():
        return DIALECTS.get(prepared.provider, plain)(prepared, document)
