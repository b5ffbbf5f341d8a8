"""`llmproxy projects`: whom keys belong to and models are private for."""

import json
from typing import Annotated

import typer

from llmproxy.application.interfaces.administration import ProjectFigures
from llmproxy.bootstrap.administering import Office
from llmproxy.cli.limits import (
    AlertAt,
    Currency,
    LimitOptions,
    NoLimits,
    document_limit_words,
    limits_given,
    limits_patch,
    may_use,
)
from llmproxy.cli.running import AsJson, DataDir, Url, administer, stop
from llmproxy.cli.tables import print_table

projects = typer.Typer(
    no_args_is_help=True,
    help="List, limit, suspend and remove projects. One is there as soon as a key names it.",
)
ProjectId = Annotated[str, typer.Argument(metavar="NAME", help="What keys and models call it.")]


@projects.command("list")
def list_(as_json: AsJson = False, data_dir: DataDir = None, url: Url = None) -> None:
    """List the projects that have a document, a key, or a private model."""

    async def work(office: Office) -> list[ProjectFigures]:
        return await office.administration.projects.every()

    found = administer(data_dir, url, work)
    if as_json:
        typer.echo(_text([_plain(each) for each in found]))
        return
    print_table(
        ("project", "name", "state", "live keys", "private models", "limits"),
        [
            (
                each.id,
                str(_field(each, "name") or each.id),
                "suspended" if _field(each, "suspended") is True else "ok",
                str(each.live_keys),
                str(each.private_models),
                document_limit_words({} if each.stored is None else each.stored.document),
            )
            for each in found
        ],
    )


@projects.command()
def show(project_id: ProjectId, data_dir: DataDir = None, url: Url = None) -> None:
    """Print one project as JSON."""

    async def work(office: Office) -> ProjectFigures:
        return await office.administration.projects.get(project_id)

    typer.echo(_text(_plain(administer(data_dir, url, work))))


@projects.command("set")
def set_(  # noqa: PLR0913, PLR0917 - an argument for each option
    project_id: ProjectId,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="A name for people.")] = None,
    description: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What it is; empty for nothing.")
    ] = None,
    suspend: Annotated[
        bool, typer.Option("--suspend", help="Its keys open nothing until it is resumed.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Its keys open again.")] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Describe a project, suspend it, or let it go on. It need not be there yet."""
    if suspend and resume:
        stop("give --suspend or --resume, not both", code=2)
    patch: dict[str, object] = {}
    if name is not None:
        patch["name"] = name or None
    if description is not None:
        patch["description"] = description or None
    if suspend or resume:
        patch["suspended"] = suspend
    if not patch:
        stop("nothing to change: give --name, --description, --suspend or --resume", code=2)

    async def work(office: Office) -> ProjectFigures:
        return await office.administration.projects.patch(project_id, patch, etag=None)

    changed = administer(data_dir, url, work)
    suspended = _field(changed, "suspended") is True
    keys = f"its {changed.live_keys} live keys"
    typer.echo(f"{project_id} is {f'suspended: {keys} open nothing' if suspended else 'kept'}")


@projects.command("limit")
def limit_(  # noqa: PLR0913, PLR0917 - an argument for each option
    project_id: ProjectId,
    limit: LimitOptions = None,
    currency: Currency = None,
    alert_at: AlertAt = None,
    none: NoLimits = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Set limits of a project, all its keys together; those that are not named stay.

    NAME=none takes one away. The project need not be there yet.
    """
    patch = limits_patch(limits_given(limit, currency, alert_at), none=none)

    async def work(office: Office) -> ProjectFigures:
        return await office.administration.projects.patch(project_id, patch, etag=None)

    changed = administer(data_dir, url, work)
    words = document_limit_words({"limits": _field(changed, "limits")})
    typer.echo(f"{project_id} {may_use(words)}")


@projects.command()
def remove(project_id: ProjectId, data_dir: DataDir = None, url: Url = None) -> None:
    """Forget what is kept of a project. Refused while a live key belongs to it."""

    async def work(office: Office) -> None:
        await office.administration.projects.remove(project_id, etag=None)

    administer(data_dir, url, work)
    typer.echo(f"{project_id} is removed")


def _field(figures: ProjectFigures, name: str) -> object:
    return None if figures.stored is None else figures.stored.document.get(name)


def _plain(figures: ProjectFigures) -> dict[str, object]:
    return {
        "id": figures.id,
        "document": None if figures.stored is None else dict(figures.stored.document),
        "live_keys": figures.live_keys,
        "private_models": figures.private_models,
    }


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
