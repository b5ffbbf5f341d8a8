"""Chat completions of a model behind LiteLLM, as the frame of translated providers wants them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, TypeVar

from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import GatewayError, InvalidRequest, UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.credentials.token import told
from llmproxy.infra.providers.long_tail.closed import closed
from llmproxy.infra.providers.long_tail.dialect import Asked, Dialect, Made
from llmproxy.infra.providers.long_tail.failures import long_tail_failure, misconfigured
from llmproxy.infra.providers.long_tail.prepared import Prepared
from llmproxy.infra.providers.long_tail.readers import parsed
from llmproxy.infra.providers.long_tail.reading import read
from llmproxy.infra.providers.long_tail.saying import translated
from llmproxy.infra.providers.translated.chat_answer import answer_head, asks_for_usage
from llmproxy.infra.providers.translated.chat_chunks import ChatChunks
from llmproxy.infra.providers.translated.translation import Reader, Sent, Translated, Translation
from llmproxy.infra.providers.transport.client import HttpClient

IN_THREAD_BYTES: Final = 128 * 1024
"""Longer texts are translated in a thread: they would hold up others for milliseconds."""
REASONED: Final = b'"reasoningContent"'
"""LiteLLM counts Bedrock's reasoning with a tokenizer, which takes its time."""
NOT_OURS: Final = frozenset(
    ("host", "content-length", "connection", "user-agent", "accept-encoding")
)

Result = TypeVar("Result")


class LongTailChat(Translation):
    """One deployment."""

    def __init__(
        self,
        client: HttpClient,
        model: Model,
        prepared: Prepared,
        dialect: Dialect,
        secrets: Sequence[Secret] = (),
    ) -> None:
        """`secrets` are those of the document."""
        self._secrets = secrets
        self._client = client
        self._parameters = model.parameters
        self._prepared = prepared
        self._dialect = dialect

    @override
    async def request(self, call: Call) -> Sent:
        prepared = self._prepared
        asked, dropped = read(call, prepared.understood, prepared.media, self._parameters)
        made = await _worked(partial(self._made, asked), call.prompt_bytes)
        headers = {
            name: value for name, value in made.headers.items() if name.lower() not in NOT_OURS
        }
        headers["accept-encoding"] = "identity"
        target = self._client.target(made.url, headers)
        return Sent(target, made.body, dropped, context=made)

    @override
    def secrets(self) -> Sequence[Secret]:
        return self._secrets

    def _made(self, asked: Asked) -> Made:
        """Translate. Raises InvalidRequest for whatever LiteLLM raises."""
        with closed() as watch:
            try:
                made = self._dialect.request(asked)
            except GatewayError:
                raise
            except Exception as error:
                if watch.tried:
                    raise _outward(watch.tried) from error
                raise _untranslatable(error, self._prepared.provider) from error
        if watch.tried:
            raise _outward(watch.tried)
        return made

    @override
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        made = _made_of(sent)
        size = IN_THREAD_BYTES if REASONED in body else len(body)
        return await _worked(partial(self._answered, call, made, body), size)

    def _answered(self, call: Call, made: Made, body: bytes) -> Translated:
        with closed():
            response = parsed(partial(self._dialect.answer, made, body), body)
            return translated(call, response)

    @override
    def reader(self, call: Call, sent: Sent) -> Reader | None:
        made = _made_of(sent)
        if made.whole:
            return None
        chunks = ChatChunks(answer_head(call), include_usage=asks_for_usage(call))
        return self._dialect.reader(made, chunks)

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return long_tail_failure(status, headers, body)


async def _worked(work: Callable[[], Result], size_bytes: int) -> Result:
    if size_bytes < IN_THREAD_BYTES:
        return work()
    return await in_thread(work, "translation")


def _made_of(sent: Sent) -> Made:
    made = sent.context
    if not isinstance(made, Made):
        raise TypeError("a request that this translation did not make")
    return made


def _outward(event: str) -> GatewayError:
    """Return the error for a translation that would have opened a connection."""
    return misconfigured(f"LiteLLM wanted a connection of its own ({event}), which it never gets")


def _untranslatable(error: Exception, provider: str) -> InvalidRequest:
    words = told(error).removeprefix("litellm.").partition("To drop")[0].strip()
    return InvalidRequest(
        f"This request cannot be said to {provider}: {words}",
        code="untranslatable",
        detail=f"{type(error).__name__}: {words}",
    )
