"""The running gateway: all parts put together, started and stopped with the server."""

import asyncio
import gc
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from llmproxy.application.gateway import Gateway
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseDirectory, ResponseIds
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.settle import Settle
from llmproxy.application.use_cases.answer import Answer
from llmproxy.application.use_cases.duplex import Duplex
from llmproxy.application.use_cases.recall import Recall
from llmproxy.application.use_cases.stream import Stream
from llmproxy.bootstrap.first_run import JOURNAL_FOLDER, register_echo
from llmproxy.bootstrap.store import open_store
from llmproxy.config import Settings
from llmproxy.infra.controllers.api_docs import api_docs_routes
from llmproxy.infra.controllers.control_plane import control_plane, metrics_routes
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.health import health_routes
from llmproxy.infra.controllers.middleware import Door, Serve
from llmproxy.infra.controllers.openai.client_secrets import Secrets
from llmproxy.infra.controllers.openai.models import model_routes
from llmproxy.infra.controllers.openai.operations import families, operations, sockets
from llmproxy.infra.database.snapshot import SnapshotKeeper
from llmproxy.infra.ledger.journal import FileJournal
from llmproxy.infra.limiter.memory import MemoryLimiter
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer
from llmproxy.infra.telemetry.access_log import BufferedAccessLog, SilentAccessLog
from llmproxy.infra.telemetry.clock import SystemClock
from llmproxy.infra.telemetry.log_lines import keep_to_lines, note_lost_connections
from llmproxy.infra.telemetry.metrics import Metrics


def serving(settings: Settings) -> Door:
    """Return the ASGI application; what needs an event loop is made when the server starts it."""
    keep_to_lines()
    clock = SystemClock()
    registry = Registry(clock)
    metrics = Metrics()
    parts = _Parts(settings, registry, metrics, clock)
    control = control_plane(
        [
            health_routes(registry, parts.problems, parts.credentials, settings.stage),
            model_routes(registry),
            metrics_routes(registry, metrics.text),
            api_docs_routes(),
        ],
        parts.lifespan,
    )
    access_log = BufferedAccessLog(sys.stdout) if settings.access_log else SilentAccessLog()
    parts.access_log = access_log
    return Door(parts.operations, parts.sockets, parts.families, control, access_log)


class _Parts:
    """What lives between start and stop. Its tables of paths are filled at the start."""

    def __init__(
        self, settings: Settings, registry: Registry, metrics: Metrics, clock: SystemClock
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._metrics = metrics
        self._clock = clock
        self._keeper: SnapshotKeeper | None = None
        self._credentials = Credentials(
            EnvironmentSecrets(settings.environment), settings.environment, clock
        )
        self.access_log: BufferedAccessLog | SilentAccessLog = SilentAccessLog()
        self.operations: dict[str, Serve] = {}
        self.sockets: dict[str, Serve] = {}
        self.families: dict[str, Serve] = {}

    def problems(self) -> dict[str, str]:
        """Documents that are left out."""
        return {} if self._keeper is None else self._keeper.problems

    def credentials(self) -> dict[str, str | None]:
        """Credentials that expire, with what is wrong with each."""
        return self._credentials.states()

    def _reconsider(self) -> None:
        if self._keeper is not None:
            self._keeper.reconsider()

    @asynccontextmanager
    async def lifespan(self, _app: object) -> AsyncIterator[None]:
        """Start all, serve, stop all in reverse."""
        asyncio.get_running_loop().set_exception_handler(note_lost_connections)
        async with AsyncExitStack() as stack:
            await self._start(stack)
            stack.callback(self.access_log.flush)
            _calm_the_collector()
            yield

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        store = await open_store(settings.data_dir)
        stack.push_async_callback(store.close)
        signer = Signer(await store.signing_keys.keep(secrets.token_bytes(KEY_BYTES)))
        await register_echo(settings.data_dir, store.models, self._clock.now())
        client = HttpClient(
            max_connections=settings.max_upstream_connections, proxies=Proxies(settings.proxies)
        )
        stack.push_async_callback(client.close)
        stack.callback(self._credentials.close)
        journal = FileJournal(
            settings.data_dir / JOURNAL_FOLDER,
            max_bytes=settings.journal_max_bytes,
            loop=asyncio.get_running_loop(),
        )
        stack.callback(journal.close)
        limiter = MemoryLimiter(max_in_flight=settings.max_concurrent_requests)
        long_tail = LongTail(EnvironmentSecrets(settings.environment), self._reconsider)
        stack.callback(long_tail.close)
        catalogue = Catalogue(
            client,
            self._credentials,
            _patience(settings),
            ResponseIds(signer),
            long_tail,
            max_message_bytes=settings.realtime_max_message_bytes,
        )
        self._keeper = SnapshotKeeper(
            store.models, store.keys, self._registry, catalogue.deployment, settings.environment
        )
        await self._keeper.start()
        stack.push_async_callback(self._keeper.stop)
        self._metrics.gauge("upstream_connections", client.sizes)
        self._metrics.gauge("kept_reasoning", catalogue.kept.sizes)
        self._metrics.gauge("credentials", self._credentials.counts)
        self._metrics.gauge("journal", lambda: journal.counts)
        self._metrics.gauge("requests", lambda: {"in_flight": limiter.in_flight})
        self._open(limiter, journal, signer)

    def _open(self, limiter: MemoryLimiter, journal: FileJournal, signer: Signer) -> None:
        admit = Admit(self._registry, limiter, journal, self._clock)
        settle = Settle(limiter, journal, self._metrics, self._clock)
        dispatch = Dispatch(self._clock)
        directory = ResponseDirectory(self._registry, ResponseIds(signer))
        gateway = Gateway(
            self._registry,
            Answer(admit, dispatch, settle),
            Stream(admit, dispatch, settle),
            Recall(directory, limiter, self._clock),
            signer,
            Duplex(admit, dispatch, settle, self._clock),
        )
        desk = _desk(self._settings)
        client_secrets = Secrets(signer, self._clock)
        self.operations |= operations(gateway, desk, client_secrets)
        self.families |= families(gateway, desk)
        self.sockets |= sockets(
            gateway,
            client_secrets,
            max_message_bytes=self._settings.realtime_max_message_bytes,
            idle_s=self._settings.realtime_idle_timeout_s,
        )


def _calm_the_collector() -> None:
    """Take what was made at the start out of the garbage collector's rounds, and make these rarer.

    Measured with 1,000 models: the rounds took a seventh of the time of a request. Requests leave
    no cycles behind, so that reference counting alone frees what they used.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _patience(settings: Settings) -> Patience:
    return Patience(
        settings.connect_timeout_s,
        settings.first_byte_timeout_s,
        settings.idle_timeout_s,
        settings.total_timeout_s,
    )


def _desk(settings: Settings) -> Desk:
    return Desk(
        settings.max_body_bytes,
        settings.body_timeout_s,
        settings.hold_status_s,
        settings.keep_alive_s,
        settings.max_upload_bytes,
        settings.max_spooled_bytes,
    )
