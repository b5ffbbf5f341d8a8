"""The parts of `llmproxy explain` without a server: registry and adapters, and nothing that calls.

Secrets are looked up as a server does, since a model without its secret is not ready. No token is
asked for, and no provider.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from random import random
from secrets import token_bytes
from typing import Final

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseDirectory, ResponseIds
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.use_cases.explain import Explain
from llmproxy.bootstrap.registry_once import registry_once
from llmproxy.bootstrap.secrets import secret_chain
from llmproxy.bootstrap.store import Store
from llmproxy.config import Settings
from llmproxy.domain.caller import Caller
from llmproxy.infra.controllers.admin.explain import Explainer
from llmproxy.infra.ledger.alone import LedgerAlone
from llmproxy.infra.limiter.memory import MemoryLimiter
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.withheld import WithheldCredentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer

COMMAND_LINE: Final = Caller("command line", None, None, admin=True, expires_at=None)
"""Whose request it is when nobody else is named: public models are seen."""
Explaining = Callable[[bytes], Awaitable[bytes]]
"""Takes what `POST /admin/explain` takes and returns what it returns. Raises CallerError."""


@asynccontextmanager
async def open_explaining(settings: Settings, store: Store) -> AsyncIterator[Explaining]:
    """Yield what explains requests over this store. Raises Unavailable."""
    async with AsyncExitStack() as stack:
        client = HttpClient(max_connections=1, proxies=Proxies(settings.proxies))
        stack.push_async_callback(client.close)
        chain = secret_chain(settings, store.clock)
        stack.push_async_callback(chain.close)
        long_tail = LongTail(chain, _nothing)
        stack.callback(long_tail.close)
        signer = Signer(await store.signing_keys.keep(token_bytes(KEY_BYTES)))
        catalogue = Catalogue(
            client,
            WithheldCredentials(chain, settings.environment, store.clock),
            Patience(1.0, 1.0, 1.0, None),
            ResponseIds(signer),
            long_tail,
        )
        registry = await registry_once(settings, store, catalogue.deployment, chain, long_tail)
        ledger = await store.open_usage(None)
        stack.push_async_callback(ledger.close)
        past = LedgerAlone(ledger)
        explainer = _explainer(settings, registry, signer, store.clock, past)
        yield partial(explainer, asker=COMMAND_LINE)


def _explainer(
    settings: Settings, registry: Registry, signer: Signer, clock: Clock, past: LedgerAlone
) -> Explainer:
    limiter = MemoryLimiter(clock, past, None, max_in_flight=settings.max_concurrent_requests)
    return Explainer(
        registry,
        Explain(registry, limiter, Fleet(clock, random)),
        ResponseDirectory(registry, ResponseIds(signer)),
        clock,
        max_body_bytes=settings.max_body_bytes,
        max_asked_bytes=settings.max_body_bytes + 1,
    )


def _nothing() -> None:
    pass
