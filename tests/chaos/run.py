"""One run: providers, a server before them, weather, load, and the audit at the end."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.traces import cpu_s
from tests.chaos.books import audit
from tests.chaos.client import Client, Ending
from tests.chaos.load import Load
from tests.chaos.provider import Provider
from tests.chaos.report import Run
from tests.chaos.sdk import Sdk
from tests.chaos.watching import Sample, Watch, at_rest, figures
from tests.chaos.weather import Change, forecast

DEPLOYMENTS = ("first", "second", "third")
SPARE = "spare"
PROGRESS_S = 10.0
SETTLE_S = 30.0
SETTINGS = SECRETS | {
    "ACCESS_LOG": "off",
    "CONNECT_TIMEOUT_S": "5",
    "FIRST_BYTE_TIMEOUT_S": "5",
    "IDLE_TIMEOUT_S": "5",
    "TOTAL_TIMEOUT_S": "60",
}
"""A healthy provider on a busy machine is never so late."""
Tell = Callable[[str], None]


async def chaos(
    folder: Path,
    *,
    seconds: float,
    rate: float,
    seed: int,
    tell: Tell,
    weather: Sequence[Change] | None = None,
) -> Run:
    """Run it in a folder of its own; raises AssertionError when the server fails.

    `weather` is what the providers suffer where it is not drawn from the seed.
    """
    drawn = forecast(seed, len(DEPLOYMENTS), 1, seconds)
    changes = list(drawn if weather is None else weather)
    async with _providers(seed) as providers:
        with serving(folder, _documents(providers), SETTINGS) as gateway:
            client, sdk = Client(gateway.url), Sdk(gateway.base_url)
            before = await asyncio.to_thread(at_rest, gateway)
            load, watch = Load(client, sdk, seed, rate), Watch(gateway)
            beside = (
                _change(providers, changes),
                watch.watch(_Progress(load, providers, tell)),
            )
            await _drive(load, seconds, beside)
            client.close()
            await sdk.close()
            for provider in providers:
                await provider.listen()
            await _settled(gateway)
            after = await asyncio.to_thread(at_rest, gateway)
            used_s = (cpu_s(gateway.process.pid), time.process_time())
            await asyncio.to_thread(gateway.check)
    store = folder / "data" / "llmproxy.sqlite3"
    books = audit(store, load.tally.request_ids, providers)
    return Run(
        seed,
        rate,
        seconds,
        load.tally,
        books,
        watch,
        before,
        after,
        providers,
        len(changes),
        used_s,
    )


@asynccontextmanager
async def _providers(seed: int) -> AsyncIterator[tuple[Provider, ...]]:
    names = (*DEPLOYMENTS, SPARE)
    providers = tuple(Provider(name, seed + number) for number, name in enumerate(names))
    for provider in providers:
        await provider.listen()
    try:
        yield providers
    finally:
        for provider in providers:
            provider.close()


def _documents(providers: Iterable[Provider]) -> list[dict[str, Any]]:
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
    documents = []
    for provider in providers:
        code = SPARE if provider.name == SPARE else "model"
        made = document(code, "OpenAI", "OpenAI", endpoint=provider.base_url, **account)
        made["id"] = provider.name
        made["routing"] = {}
        if code == "model":
            made["fallbacks"] = [SPARE]
        documents.append(made)
    return documents


async def _change(providers: tuple[Provider, ...], changes: Iterable[Change]) -> None:
    began = time.monotonic()
    for change in changes:
        await asyncio.sleep(began + change.at_s - time.monotonic())
        await providers[change.provider].change(change.mode, change.share)


async def _drive(load: Load, seconds: float, beside: Iterable[Coroutine[None, None, None]]) -> None:
    """Drive the load while the rest runs beside it; raises what ended that before."""
    tasks = [asyncio.create_task(each) for each in beside]
    try:
        await load.drive(seconds)
    finally:
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _settled(gateway: Gateway) -> None:
    """Wait until every row is carried and no call is open, or until the time is over."""
    until = time.monotonic() + SETTLE_S
    while time.monotonic() < until:
        said = await asyncio.to_thread(figures, gateway)
        waits = ("llmproxy_ledger_waiting_lines", "llmproxy_requests_in_flight")
        if not any(said[name] for name in (*waits, "llmproxy_upstream_connections_active")):
            return
        await asyncio.sleep(0.2)


class _Progress:
    """Says every ten seconds how it goes."""

    def __init__(self, load: Load, providers: tuple[Provider, ...], tell: Tell) -> None:
        self._load = load
        self._providers = providers
        self._tell = tell
        self._next_s = PROGRESS_S

    def __call__(self, sample: Sample) -> None:
        if sample.at_s < self._next_s:
            return
        self._next_s += PROGRESS_S
        tally = self._load.tally
        weather = ", ".join(f"{each.name} {each.mode}" for each in self._providers)
        bad = tally.endings[Ending.SILENT] + tally.endings[Ending.NO_ANSWER]
        self._tell(
            f"{sample.at_s:5.0f} s  {tally.calls:,} calls, {self._load.in_flight} in flight;"
            f" {tally.endings[Ending.TOLD]} failures seen, {tally.endings[Ending.RAISED]} raised,"
            f" {bad} bad; {sample.resident_mb:.0f} MB, {sample.files} files; {weather}"
        )
