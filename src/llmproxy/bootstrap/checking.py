"""The parts of `llmproxy models check`: the providers' adapters without the server around them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from secrets import token_bytes

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.model_probe import ModelProbe
from llmproxy.application.response_ids import ResponseIds
from llmproxy.bootstrap.patience import patience_of
from llmproxy.bootstrap.secrets import secret_chain
from llmproxy.config import Settings
from llmproxy.domain.model import Model
from llmproxy.domain.secret_reference import references_of
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.probe import DeploymentProbe
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer


@asynccontextmanager
async def open_probe(
    settings: Settings, clock: Clock, models: Sequence[Model]
) -> AsyncIterator[ModelProbe]:
    """Yield a probe that calls the providers of these; its connections are closed at the end."""
    client = HttpClient(
        max_connections=settings.max_upstream_connections, proxies=Proxies(settings.proxies)
    )
    secrets = secret_chain(settings, clock)
    credentials = Credentials(secrets, settings.environment, clock)
    long_tail = LongTail(secrets, lambda: None)
    try:
        await secrets.prepare(frozenset[str]().union(*map(references_of, models)))
        # Nobody is given an id here: the key need not be the store's.
        ids = ResponseIds(Signer(token_bytes(KEY_BYTES)))
        catalogue = Catalogue(client, credentials, patience_of(settings), ids, long_tail)
        yield DeploymentProbe(catalogue.deployment, clock, long_tail.settled)
    finally:
        long_tail.close()
        credentials.close()
        await secrets.close()
        await client.close()
