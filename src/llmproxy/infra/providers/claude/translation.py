"""Chat completions of a Claude model: the translation that the frame sends and reads with.

Ours, not LiteLLM's: ARCHITECTURE.md says why.
"""

from collections.abc import Mapping, Sequence

import msgspec
from typing_extensions import override

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.upstream import Headers
from llmproxy.domain.errors import UpstreamError
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Endpoint
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.claude.answer import translated_answer
from llmproxy.infra.providers.claude.events import ClaudeReader
from llmproxy.infra.providers.claude.failures import claude_failure
from llmproxy.infra.providers.claude.generation import generation_of
from llmproxy.infra.providers.claude.rate_limits import rate_limits
from llmproxy.infra.providers.claude.request import Requests
from llmproxy.infra.providers.claude.sites import SITES, ClaudeSite
from llmproxy.infra.providers.translated.kept_reasoning import KeptReasoning
from llmproxy.infra.providers.translated.translation import Reader, Sent, Translated, Translation
from llmproxy.infra.providers.transport.client import HttpClient

_encode = msgspec.json.Encoder().encode


def claude_translations(
    client: HttpClient, model: Model, secret: Secret | None, kept: KeptReasoning
) -> Mapping[Endpoint, Translation]:
    """Return what a Claude model offers, by endpoint.

    Raises Incomplete (a ValueError) when its document lacks what its site needs.
    """
    site = SITES[model.model_type](client.target, model, secret)
    return {Endpoint.CHAT_COMPLETIONS: ClaudeChat(site, model, kept)}


class ClaudeChat(Translation):
    """Chat completions of one deployment."""

    def __init__(self, site: ClaudeSite, model: Model, kept: KeptReasoning) -> None:
        self._site = site
        self._kept = kept
        self._requests = Requests(generation_of(model), model.parameters, kept, own=site.own)

    @override
    async def request(self, call: Call) -> Sent:
        asked = self._requests.read(call)
        site = self._site
        target = site.streamed if call.stream else site.plain
        if asked.betas:
            target = target.carrying(f"anthropic-beta: {','.join(asked.betas)}\r\n".encode("ascii"))
        remarks = asked.remarks
        return Sent(
            target,
            _encode({**site.fixed, **asked.body}),
            tuple(remarks.dropped),
            tuple(remarks.changed),
        )

    @override
    async def answer(self, call: Call, sent: Sent, body: bytes) -> Translated:
        return Translated(*translated_answer(call, body, self._kept))

    @override
    def reader(self, call: Call, sent: Sent) -> Reader | None:
        return ClaudeReader(call, self._kept)

    @override
    def failure(
        self, status: int, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> UpstreamError:
        return claude_failure(status, headers, body)

    @override
    def headers(self, _head: bytes) -> Headers:
        return rate_limits(_head)
