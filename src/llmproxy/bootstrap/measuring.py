"""What is measured beside calls, and the figures of a worker and of all workers together."""

from contextlib import AsyncExitStack
from pathlib import Path

from llmproxy.application.registry import Registry
from llmproxy.application.snapshot import Snapshot
from llmproxy.bootstrap.workers import FOLDER, WorkerSeat
from llmproxy.infra.telemetry.metrics import Metrics
from llmproxy.infra.telemetry.prometheus.calls import Gone
from llmproxy.infra.telemetry.prometheus.loop_lag import LoopLag
from llmproxy.infra.telemetry.prometheus.peers import Peers
from llmproxy.infra.telemetry.prometheus.process import Process


def metrics_of(registry: Registry) -> Metrics:
    """Return the metrics of calls to this registry's models."""
    metrics = Metrics(lambda deployment: provider_of(registry, deployment))
    seen: object = None

    def follow(snapshot: Snapshot) -> None:
        nonlocal seen
        if snapshot.by_code is not seen:
            seen = snapshot.by_code
            metrics.calls.follow(
                Gone(
                    lambda code: code not in snapshot.by_code,
                    lambda deployment: deployment not in snapshot.by_id,
                )
            )

    registry.replacing.append(metrics.calls.fold)  # while their deployments are known still
    registry.installed.append(follow)
    return metrics


async def open_metrics(
    stack: AsyncExitStack, metrics: Metrics, seat: WorkerSeat, data_dir: Path
) -> None:
    """Begin to measure; to be called once the seat is taken. It ends with the server."""
    number = seat.number or 0
    metrics.worker = str(number)
    lag = LoopLag()
    lag.start()
    stack.callback(lag.stop)
    peers = Peers(data_dir / FOLDER, metrics.text, seat.serving)
    for source in (lag.blocks, Process().blocks, peers.blocks):
        metrics.add(source)
    await peers.listen(number)
    stack.push_async_callback(peers.close)
    metrics.together = peers.together


def provider_of(registry: Registry, deployment: str) -> str | None:
    """Return the provider of a deployment that is registered, else None."""
    found = registry.snapshot.by_id.get(deployment)
    return found[0].model.provider if found else None
