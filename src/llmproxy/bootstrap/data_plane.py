"""The flows of calls over their steps, and the tables of paths that serve them."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from llmproxy.application.gateway import Gateway
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.life import Life
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import ResponseDirectory, ResponseIds
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.steps.admit import Admit
from llmproxy.application.steps.dispatch import Dispatch
from llmproxy.application.steps.ground import Ground
from llmproxy.application.steps.settle import Settle
from llmproxy.application.use_cases.answer import Answer
from llmproxy.application.use_cases.duplex import Duplex
from llmproxy.application.use_cases.explain import Explain
from llmproxy.application.use_cases.recall import Recall
from llmproxy.application.use_cases.replayed.sharing import Rooms
from llmproxy.application.use_cases.stream import Stream
from llmproxy.bootstrap.counting import CountedHere
from llmproxy.bootstrap.crowding import open_crowd
from llmproxy.bootstrap.fleet import keep_fleet
from llmproxy.bootstrap.money import Money
from llmproxy.bootstrap.repeats import open_repeats
from llmproxy.config import Settings
from llmproxy.infra.controllers.admin.explain import Explainer
from llmproxy.infra.controllers.crowd import Crowd
from llmproxy.infra.controllers.desk import Desk
from llmproxy.infra.controllers.middleware import Serve
from llmproxy.infra.controllers.openai.client_secrets import Secrets
from llmproxy.infra.controllers.openai.operations import families, operations, sockets
from llmproxy.infra.secrets.signing import Signer
from llmproxy.infra.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Foundations:
    """What the flows stand on."""

    settings: Settings
    registry: Registry
    metrics: Metrics
    clock: Clock
    signer: Signer
    money: Money
    counting: CountedHere
    life: Life
    fleet: Fleet


@dataclass(frozen=True, slots=True)
class DataPlane:
    """What serves each path, and what explains requests."""

    operations: dict[str, Serve]
    families: dict[str, Serve]
    sockets: dict[str, Serve]
    explainer: Explainer


async def open_data_plane(stack: AsyncExitStack, under: Foundations) -> DataPlane:
    """Put the steps and flows together."""
    registry, clock, limiter = under.registry, under.clock, under.money.limiter
    settings = under.settings
    fleet = under.fleet
    await keep_fleet(stack, fleet, registry, settings.redis, under.metrics, clock)
    admit = Admit(registry, limiter, under.money.journal, under.metrics.calls, clock, fleet)
    dispatch = Dispatch(Ground(fleet, limiter, clock, admit))
    admit.countable = under.counting.countable
    settle = Settle(limiter, under.money.journal, under.metrics.calls, clock)
    settle.life = under.life
    answer, stream = Answer(admit, dispatch, settle), Stream(admit, dispatch, settle)
    rooms = Rooms(registry, admit, settle, answer.admitted, stream.admitted)
    directory = ResponseDirectory(registry, ResponseIds(under.signer))
    gateway = Gateway(
        registry,
        answer,
        stream,
        Recall(directory, limiter, clock),
        under.signer,
        Duplex(admit, dispatch, settle, clock),
        open_repeats(stack, settings, rooms, under.metrics, clock, under.money.redis),
    )
    explainer = Explainer(
        registry,
        Explain(registry, limiter, fleet, under.counting.countable),
        directory,
        clock,
        max_body_bytes=settings.max_body_bytes,
    )
    crowd = open_crowd(settings, registry, under.metrics)
    under.life.when_closed.append(crowd.close)
    desk = _desk(settings, crowd)
    client_secrets = Secrets(under.signer, clock)
    return DataPlane(
        operations(gateway, desk, client_secrets),
        families(gateway, desk),
        sockets(
            gateway,
            desk,
            client_secrets,
            max_message_bytes=settings.realtime_max_message_bytes,
            idle_s=settings.realtime_idle_timeout_s,
        ),
        explainer,
    )


def _desk(settings: Settings, crowd: Crowd) -> Desk:
    return Desk(
        crowd,
        settings.max_body_bytes,
        settings.body_timeout_s,
        settings.hold_status_s,
        settings.keep_alive_s,
        settings.max_upload_bytes,
        settings.max_spooled_bytes,
    )
