"""`llmproxy models check`: whether every model answers."""

import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated

import typer

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.use_cases.check_model import CheckModel, CheckResult, Verdict
from llmproxy.cli.running import DataDir, Session, run, stop
from llmproxy.cli.tables import print_table
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Model


def check(
    model_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]…", help="Ids or codes; without them, all.", show_default=False
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait for one answer.")
    ] = 30.0,
    data_dir: DataDir = None,
) -> None:
    """Ask each model one short question through its real provider.

    It costs some tokens that no project is charged for. Ends with 1 when a model failed.
    """

    async def work(session: Session) -> list[tuple[str, ...]]:
        from llmproxy.bootstrap.checking import open_probe

        chosen = _chosen(await session.store.models.load_all(), model_ids or [])
        models, rows = _parsed(chosen, session.settings.environment)
        async with open_probe(session.settings, session.store.clock, models) as probe:
            checks = CheckModel(probe, session.store.clock, timeout_s=timeout)
            results = await _with_progress(checks.each(models), len(models))
        order = {model.id: place for place, model in enumerate(models)}
        results.sort(key=lambda result: order[result.model.id])
        return [_row(result) for result in results] + rows

    rows = run(data_dir, work)
    if not rows:
        stop("no models yet: llmproxy models import FILE")
    print_table(("result", "id", "code", "latency", "reason"), rows)
    failed = sum(row[0] == Verdict.FAILED for row in rows)
    if failed:
        stop(f"{failed} of {len(rows)} failed")


def _chosen(stored: list[StoredDocument], names: Sequence[str]) -> list[StoredDocument]:
    chosen = [
        each for each in stored if not names or {each.id, each.document.get("code")} & {*names}
    ]
    known = {each.id for each in chosen} | {each.document.get("code") for each in chosen}
    unknown = [name for name in names if name not in known]
    if unknown:
        stop(f"there is no model with the id or code {', '.join(unknown)}")
    return chosen


def _parsed(
    stored: list[StoredDocument], environment: Mapping[str, str]
) -> tuple[list[Model], list[tuple[str, ...]]]:
    """Return the models, and rows for the documents that are not understood."""
    models: list[Model] = []
    rows: list[tuple[str, ...]] = []
    for each in stored:
        try:
            models.append(parse_model(each.document, environment=environment).model)
        except DocumentError as error:
            rows.append((Verdict.FAILED.value, each.id, "-", "-", str(error)))
    return models, rows


async def _with_progress(results: AsyncIterator[CheckResult], total: int) -> list[CheckResult]:
    """Gather results under a bar on stderr; without a terminal there, in silence."""
    if not sys.stderr.isatty():
        return [result async for result in results]
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("asking", total=total)
        gathered: list[CheckResult] = []
        async for result in results:
            gathered.append(result)
            progress.update(task, advance=1, description=f"{result.model.id} {result.verdict}")
        return gathered


def _row(result: CheckResult) -> tuple[str, ...]:
    latency = "-" if result.latency_s is None else f"{result.latency_s * 1000:,.0f} ms"
    return result.verdict.value, result.model.id, result.model.code, latency, result.reason
