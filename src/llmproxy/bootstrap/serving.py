"""The running gateway: all parts put together, started and stopped with the server."""

import asyncio
import gc
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from random import random

from llmproxy.application.interfaces.administration import Administration
from llmproxy.application.interfaces.audit import Actor
from llmproxy.application.interfaces.registry_state import RegistryState
from llmproxy.application.life import Life
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseIds
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.use_cases.read_usage import OwnUsage, ReadUsage
from llmproxy.bootstrap.administering import administration_of, audit_of
from llmproxy.bootstrap.counting import CountedHere
from llmproxy.bootstrap.data_plane import Foundations, open_data_plane
from llmproxy.bootstrap.entry import admin_from, refuse_without_keys, registry_figures
from llmproxy.bootstrap.first_run import register_echo
from llmproxy.bootstrap.greeting import Inventory, inventory
from llmproxy.bootstrap.logs import Logs
from llmproxy.bootstrap.measuring import metrics_of, open_metrics
from llmproxy.bootstrap.money import Around, Money, open_money
from llmproxy.bootstrap.pages import let_pages_in
from llmproxy.bootstrap.patience import patience_of
from llmproxy.bootstrap.secrets import secret_chain
from llmproxy.bootstrap.store import Store, open_store
from llmproxy.bootstrap.tracing import Tracing
from llmproxy.config import Settings
from llmproxy.infra.controllers.admin.explain import Explainer
from llmproxy.infra.controllers.admin.explain_routes import explain_routes
from llmproxy.infra.controllers.admin.routes import admin_routes
from llmproxy.infra.controllers.admin.routing import routing_routes
from llmproxy.infra.controllers.admin.usage import usage_routes
from llmproxy.infra.controllers.api_docs import api_docs_routes
from llmproxy.infra.controllers.control_plane import control_plane, metrics_routes
from llmproxy.infra.controllers.health import Watched, health_routes
from llmproxy.infra.controllers.lifespan import Lifespan
from llmproxy.infra.controllers.middleware import Control, Door, Serve
from llmproxy.infra.controllers.openai.models import model_routes
from llmproxy.infra.controllers.usage import own_usage_routes
from llmproxy.infra.database.following.keeper import Options, SnapshotKeeper
from llmproxy.infra.database.following.models import Deployments
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer
from llmproxy.infra.telemetry.clock import SystemClock
from llmproxy.infra.telemetry.log_lines import note_lost_connections
from llmproxy.infra.telemetry.metrics import Metrics
from llmproxy.infra.telemetry.prometheus.requests import Counted

Announce = Callable[[Inventory], None]


def serving(settings: Settings, announce: Announce | None = None) -> Door:
    """Return the ASGI application; what needs an event loop is made when the server starts it.

    `announce` is told what there is to serve, just before it is served.
    """
    clock = SystemClock()
    registry = Registry(clock, settings.auth)
    metrics = metrics_of(registry)
    parts = _Parts(settings, registry, metrics, clock)
    parts.announce = announce
    watched = Watched(
        lambda: parts.registry_state,
        parts.credentials.states,
        parts.secrets.states,
        lambda: parts.place,
        settings.auth,
        settings.stage,
        parts.counting.unenforceable,
        parts.life,
    )
    plane = control_plane(
        [
            health_routes(registry, watched),
            model_routes(registry),
            own_usage_routes(registry, lambda: parts.own_usage),
            metrics_routes(registry, metrics),
            api_docs_routes(),
            *admin_routes(
                registry,
                parts.administration,
                clock,
                explain_routes(
                    registry, lambda: parts.explainer, body_timeout_s=settings.body_timeout_s
                ),
                usage_routes(registry, lambda: parts.usage, clock),
                routing_routes(registry, lambda: parts.fleet),
            ),
        ]
    )
    control = Control(plane, Lifespan(parts.lifespan, parts.life), settings.access.admin_port)
    counted = Counted(parts.logs.access_log, (parts.operations, parts.sockets), parts.families)
    metrics.add(counted.blocks)
    door = Door(parts.operations, parts.sockets, parts.families, control, counted)
    parts.tracing.door = door
    door.visiting = parts.tracing.visiting(parts.logs.visiting)
    let_pages_in(door, settings.cross_origin)
    return door


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
        self._store: Store | None = None
        self._explainer: Explainer | None = None
        self._usage: tuple[ReadUsage, OwnUsage] | None = None
        self.life = Life()
        self.fleet = Fleet(clock, random)
        self.counting = CountedHere(settings, lambda: registry.snapshot)
        self._audit = audit_of(settings, clock)
        self.secrets = secret_chain(settings, clock)
        self.credentials = Credentials(self.secrets, settings.environment, clock)
        self.announce: Announce | None = None
        self.place = ""
        self.logs = Logs(settings, registry)
        self.tracing = Tracing(settings.tracing, clock)
        self.operations: dict[str, Serve] = {}
        self.sockets: dict[str, Serve] = {}
        self.families: dict[str, Serve] = {}

    @property
    def registry_state(self) -> RegistryState:
        """How well the store is followed; only once the server has started."""
        if self._keeper is None:
            raise RuntimeError("the registry is asked about before it is there")
        return self._keeper.state

    def administration(self, actor: Actor) -> Administration:
        """Return what administrators do, in the name of one; only once the server has started."""
        if self._store is None:
            raise RuntimeError("administration is asked for before the store is open")
        return administration_of(self._store, self._settings, self._audit, actor, self.counting)

    @property
    def explainer(self) -> Explainer:
        """What explains requests; only once the server has started."""
        if self._explainer is None:
            raise RuntimeError("an explanation is asked for before the server has started")
        return self._explainer

    @property
    def usage(self) -> ReadUsage:
        """What administrators see of the ledger; only once the server has started."""
        return self._read[0]

    @property
    def own_usage(self) -> OwnUsage:
        """What callers see of it; only once the server has started."""
        return self._read[1]

    @property
    def _read(self) -> tuple[ReadUsage, OwnUsage]:
        if self._usage is None:
            raise RuntimeError("the ledger is asked for before it is open")
        return self._usage

    def _reconsider(self) -> None:
        if self._keeper is not None:
            self._keeper.reconsider()

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Start all, serve, stop all in reverse."""
        asyncio.get_running_loop().set_exception_handler(note_lost_connections)
        async with AsyncExitStack() as stack:
            await self.logs.open(stack, self._metrics)
            await self._start(stack)
            _calm_the_collector()
            yield

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        self.counting.take_seat()
        stack.push_async_callback(self.counting.close)
        await open_metrics(stack, self._metrics, self.counting.seat, settings.data_dir)
        store = await open_store(settings)
        stack.push_async_callback(store.close)
        self._store = store
        self.place = store.place
        signer = Signer(await store.signing_keys.keep(secrets.token_bytes(KEY_BYTES)))
        if not store.shared:
            await register_echo(settings.data_dir, store.models, self._clock.now())
        client = HttpClient(
            max_connections=settings.max_upstream_connections, proxies=Proxies(settings.proxies)
        )
        stack.push_async_callback(client.close)
        await self.tracing.open(stack, client, self._metrics)
        self.secrets.start()
        stack.push_async_callback(self.secrets.close)
        stack.callback(self.credentials.close)
        long_tail = LongTail(self.secrets, self._reconsider)
        stack.callback(long_tail.close)
        catalogue = Catalogue(
            client,
            self.credentials,
            patience_of(settings),
            ResponseIds(signer),
            long_tail,
            max_message_bytes=settings.realtime_max_message_bytes,
        )
        await self._follow(stack, store, catalogue)
        money = await self._open_money(stack, store, client)
        self._metrics.gauge("upstream_connections", client.sizes)
        self._metrics.gauge("process", lambda: {"tasks": len(asyncio.all_tasks())})
        self._metrics.gauge("kept_reasoning", catalogue.kept.sizes)
        self._metrics.gauge("credentials", self.credentials.counts)
        await self._open(stack, money, signer)
        self.counting.let_in()
        if self.announce is not None:
            self.announce(inventory(self._registry.snapshot, settings.auth, store.place))

    async def _follow(self, stack: AsyncExitStack, store: Store, catalogue: Catalogue) -> None:
        """Load the registry and follow it. Raises Unavailable or StartRefused."""
        settings = self._settings
        self._keeper = SnapshotKeeper(
            store.feeds,
            self._registry,
            Deployments(catalogue.deployment, settings.environment, self.secrets),
            self._clock,
            Options(store.last_good, settings.registry.accept_empty, admin_from(settings.access)),
        )
        # Nothing that is loaded is garbage: the collector's rounds took a third of the time.
        gc.disable()
        try:
            await self._keeper.start()
        finally:
            gc.enable()
        refuse_without_keys(settings, keyless=self._registry.snapshot.keyless)
        self._metrics.gauge(
            "registry", lambda: registry_figures(self._registry, self.registry_state)
        )
        if store.counts is not None:
            self._metrics.gauge("store", store.counts)
        stack.push_async_callback(self._stop_following)

    async def _stop_following(self) -> None:
        if self._keeper is not None:
            await self._keeper.stop()

    async def _open_money(self, stack: AsyncExitStack, store: Store, client: HttpClient) -> Money:
        """Open journal and ledger: their folder marks a folder that was served from."""
        ledger = await store.open_usage(self._settings.ledger.keep_rows_days)
        stack.push_async_callback(ledger.close)
        money = await open_money(
            stack,
            self._settings,
            Around(self._registry, ledger, client, self._metrics, self._clock),
        )
        own = OwnUsage(self._registry, ledger, money.limiter, self._clock)
        self._usage = ReadUsage(ledger), own
        return money

    async def _open(self, stack: AsyncExitStack, money: Money, signer: Signer) -> None:
        plane = await open_data_plane(
            stack,
            Foundations(
                self._settings,
                self._registry,
                self._metrics,
                self._clock,
                signer,
                money,
                self.counting,
                self.life,
                self.fleet,
            ),
        )
        self._explainer = plane.explainer
        self.operations |= plane.operations
        self.families |= plane.families
        self.sockets |= plane.sockets


def _calm_the_collector() -> None:
    """Take what was made at the start out of the garbage collector's rounds, and make these rarer.

    Measured with 1,000 models: the rounds took a seventh of the time of a request. Requests leave
    no circles behind, however they end, so that reference counting alone frees what they used.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
