"""`llmproxy models`: which models there are."""

import json
from collections import Counter
from typing import Annotated

import typer

from llmproxy.application.interfaces.model_repository import StoredModel
from llmproxy.application.use_cases.register_model import RegisterModel
from llmproxy.cli.checking import check
from llmproxy.cli.documents import Harvest, harvest
from llmproxy.cli.overview import HEADERS, overview
from llmproxy.cli.running import DataDir, Session, run, say, stop
from llmproxy.cli.tables import print_table

models = typer.Typer(no_args_is_help=True, help="Register, list, show, remove and check models.")
models.command()(check)

ModelId = Annotated[str, typer.Argument(metavar="ID", help="The document's `id`.")]


@models.command("import")
def import_(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE|FOLDER|-", help="Documents: .json, .jsonc, or - for stdin."),
    ],
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Import the good documents although others are bad."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Register models from documents: objects, arrays, or several after one another, commented.

    Nothing is imported when one document is bad, unless --keep-going says so. A document takes the
    place of the one with the same id. Several documents with one code are deployments of one model.
    """

    async def work(session: Session) -> tuple[Harvest, list[tuple[str, ...]]]:
        harvested = harvest(sources, session.settings.environment)
        if harvested.faults and not keep_going:
            return harvested, []
        register = RegisterModel(session.store.models, session.store.clock)
        changes = await register.register_all([found.parsed for found in harvested.found])
        rows: list[tuple[str, ...]] = [
            (change.value, found.parsed.model.id, found.parsed.model.code, found.place)
            for change, found in zip(changes, harvested.found, strict=True)
        ]
        return harvested, rows

    harvested, rows = run(data_dir, work)
    for warning in harvested.warnings:
        say(f"warning: {warning}")
    for where, message in harvested.faults:
        say(f"error: {where}: {message}")
    if rows:
        print_table(("result", "id", "code", "from"), rows)
        counts = Counter(row[0] for row in rows)
        say(", ".join(f"{count} {change}" for change, count in counts.items()))
    if harvested.faults:
        places = len({where for where, _ in harvested.faults})
        rest = f"{len(rows)} imported" if rows else "nothing was imported"
        stop(f"{places} bad; {rest}" + ("" if keep_going else " (--keep-going imports the rest)"))


@models.command("list")
def list_(
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the documents as a JSON array.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """List all models with their price and whether they can be called. --json can be imported."""

    async def work(session: Session) -> tuple[list[StoredModel], Session]:
        return await session.store.models.load_all(), session

    stored, session = run(data_dir, work)
    if as_json:
        typer.echo(_text([each.document for each in stored]))
        return
    environment = session.settings.environment
    print_table(HEADERS, [overview(each, environment) for each in stored])
    if not stored:
        say("no models yet: llmproxy models import FILE")


@models.command()
def show(model_id: ModelId, data_dir: DataDir = None) -> None:
    """Print one document as it was imported."""

    async def work(session: Session) -> tuple[StoredModel | None, list[StoredModel]]:
        return await session.store.models.get(model_id), await session.store.models.load_all()

    stored, others = run(data_dir, work)
    if stored is None:
        _stop_unknown([model_id], others)
    else:
        typer.echo(_text(stored.document))


@models.command()
def remove(
    model_ids: Annotated[
        list[str], typer.Argument(metavar="ID…", help="The `id` of each document.")
    ],
    data_dir: DataDir = None,
) -> None:
    """Remove documents. A running server stops offering them within seconds."""

    async def work(session: Session) -> tuple[list[str], list[StoredModel]]:
        gone = [each for each in model_ids if await session.store.models.delete(each)]
        return gone, await session.store.models.load_all()

    gone, others = run(data_dir, work)
    for each in gone:
        typer.echo(f"{each} is removed")
    unknown = [each for each in model_ids if each not in gone]
    if unknown:
        _stop_unknown(unknown, others)


def _stop_unknown(names: list[str], others: list[StoredModel]) -> None:
    for name in names:
        ids = [each.id for each in others if each.document.get("code") == name]
        hint = f"; it is the code of {', '.join(ids)}" if ids else ""
        say(f"there is no model with the id {name}{hint}")
    raise typer.Exit(1)


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
