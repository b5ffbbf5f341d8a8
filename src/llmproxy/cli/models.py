"""`llmproxy models`: which models there are."""

import json
from collections import Counter
from typing import Annotated

import typer

from llmproxy.bootstrap.administering import Office
from llmproxy.cli.checking import check
from llmproxy.cli.documents import read_object
from llmproxy.cli.model_import import import_
from llmproxy.cli.overview import HEADERS, overview
from llmproxy.cli.running import AsJson, DataDir, Url, administer, say, stop
from llmproxy.cli.tables import print_table
from llmproxy.domain.errors import UnknownItem
from llmproxy.domain.operation import Operation
from llmproxy.domain.selection import Selection
from llmproxy.domain.vendor import match

models = typer.Typer(
    no_args_is_help=True, help="Register, look up, change, remove and check models."
)
models.command("import")(import_)
models.command()(check)

ModelId = Annotated[str, typer.Argument(metavar="ID", help="The document's `id`.")]


@models.command("list")
def list_(  # noqa: PLR0913, PLR0917 - an argument for each option
    provider: Annotated[str | None, typer.Option(help="Of this provider.")] = None,
    model_type: Annotated[str | None, typer.Option("--type", help="Of this model type.")] = None,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="That this project may use.")
    ] = None,
    operation: Annotated[
        str | None, typer.Option(help="That may be asked this, such as ChatCompletion.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="CODE|ID", help="With this code or id.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the documents as a JSON array.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """List models with their price and whether they can be called; every option given must fit.

    What --json prints of a store can be imported again.
    """
    selection = Selection(name, provider, model_type, project, _operation(operation))

    async def work(office: Office) -> tuple[list[tuple[str, ...]], list[object]]:
        views = await office.directory.look_up(selection)
        if not as_json:
            return [overview(view) for view in views], []
        wanted = {view.id for view in views}
        every = await office.administration.models.every()
        return [], [each.document for each in every if each.id in wanted]

    rows, documents = administer(data_dir, url, work)
    if as_json:
        typer.echo(_text(documents))
        return
    print_table(HEADERS, rows)
    if not rows:
        found_none = "no model fits" if selection != Selection() else "no models yet"
        say(f"{found_none}: llmproxy models import FILE")


@models.command()
def providers(
    as_json: AsJson = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """List the providers that models have, each with the number of its models."""

    async def work(office: Office) -> Counter[str]:
        views = await office.directory.look_up(Selection())
        return Counter(view.provider for view in views if view.provider)

    counts = administer(data_dir, url, work)
    if as_json:
        typer.echo(_text([{"name": name, "models": counts[name]} for name in sorted(counts)]))
        return
    print_table(("provider", "models"), [(name, str(counts[name])) for name in sorted(counts)])


@models.command()
def show(model_id: ModelId, data_dir: DataDir = None, url: Url = None) -> None:
    """Print one document as it was imported."""

    async def work(office: Office) -> object:
        try:
            return (await office.administration.models.get(model_id)).document
        except UnknownItem:
            await _say_unknown(office, [model_id])
            raise typer.Exit(1) from None

    typer.echo(_text(administer(data_dir, url, work)))


@models.command()
def patch(
    model_id: ModelId,
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A JSON object, or - for stdin.")],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Change fields of a document: those in FILE are set, those that are null there are removed.

    Objects are entered, arrays are replaced (JSON Merge Patch, RFC 7396).
    """
    change = read_object(file)

    async def work(office: Office) -> tuple[str, ...]:
        kept = await office.administration.models.patch(model_id, change, etag=None)
        return kept.warnings

    for warning in administer(data_dir, url, work):
        say(f"warning: {model_id}: {warning}")
    typer.echo(f"{model_id} is changed")


@models.command()
def remove(
    model_ids: Annotated[
        list[str], typer.Argument(metavar="ID…", help="The `id` of each document.")
    ],
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Remove documents. A running server stops offering them within seconds."""

    async def work(office: Office) -> list[str]:
        unknown: list[str] = []
        for each in model_ids:
            try:
                await office.administration.models.remove(each, etag=None)
            except UnknownItem:
                unknown.append(each)
            else:
                typer.echo(f"{each} is removed")
        await _say_unknown(office, unknown)
        return unknown

    if administer(data_dir, url, work):
        raise typer.Exit(1)


async def _say_unknown(office: Office, names: list[str]) -> None:
    for name in names:
        views = await office.directory.look_up(Selection(name=name))
        hint = f"; it is the code of {', '.join(view.id for view in views)}" if views else ""
        say(f"there is no model with the id {name}{hint}")


def _operation(written: str | None) -> Operation | None:
    if written is None:
        return None
    words = [operation.value for operation in Operation]
    found = match(written, words)
    if found is None:
        stop(f"--operation {written} is not known: {', '.join(words)}", code=2)
    return Operation(found)


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
