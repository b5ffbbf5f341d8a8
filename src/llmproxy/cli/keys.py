"""`llmproxy keys`: who may call."""

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Annotated, TypeVar

import typer

from llmproxy.application.interfaces.administration import IssuedKey
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.bootstrap.administering import Office
from llmproxy.cli.key_words import HEADERS, plain, row, scope
from llmproxy.cli.limits import (
    AlertAt,
    Currency,
    LimitOptions,
    NoLimits,
    limit_words,
    limits_given,
    limits_patch,
    may_use,
)
from llmproxy.cli.moments import expiry, grace, moment
from llmproxy.cli.running import DataDir, Url, administer, say, stop
from llmproxy.cli.tables import print_table
from llmproxy.domain.errors import UnknownItem
from llmproxy.domain.project import project_fault
from llmproxy.domain.selection import Selection

keys = typer.Typer(
    no_args_is_help=True,
    help="Make, list, change, limit, rotate and revoke the keys that callers use.",
)

KeyId = Annotated[str, typer.Argument(metavar="ID", help="The id that `keys list` shows.")]
Result = TypeVar("Result")
WHEN = "30d, 12h, 4w, or the last day (UTC) such as 2027-01-31."


@keys.command()
def create(  # noqa: PLR0913, PLR0917 - an argument for each option
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Project that uses the key and is charged.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Codes or ids it may use; without it, all it can see."),
    ] = None,
    expires: Annotated[str | None, typer.Option(metavar="WHEN", help=WHEN)] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="May also use the administration API.")
    ] = False,
    limit: LimitOptions = None,
    currency: Currency = None,
    alert_at: AlertAt = None,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Make a key. It is printed once, alone on stdout; only its digest is kept."""
    if project is None and not admin:
        stop("a key needs --project NAME (only an --admin key can do without)", code=2)
    fault = "" if project is None else project_fault(project)
    if fault:
        stop(f"--project {fault}", code=2)
    wanted = None if models is None else _names(models)
    limits = limits_given(limit, currency, alert_at)

    async def work(office: Office) -> IssuedKey:
        issued = await office.administration.keys.issue(
            project=project,
            models=wanted,
            admin=admin,
            expires_at=_moment(expires, office.clock.now()),
            limits=limits,
        )
        await _point_out(office, wanted or ())
        return issued

    _show_once(administer(data_dir, url, work))


@keys.command("list")
def list_(
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of this project only.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--state", help="live, expired or revoked only.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """List keys, revoked and expired ones too. No key or digest is shown."""
    if only not in (None, "live", "expired", "revoked"):
        stop("--state is live, expired or revoked", code=2)

    async def work(office: Office) -> tuple[list[StoredKey], float]:
        return await office.administration.keys.every(), office.clock.now()

    every, now = administer(data_dir, url, work)
    found = [
        key for key in every if project in (None, key.project) and only in (None, key.state(now))
    ]
    if as_json:
        typer.echo(_text([plain(key, now) for key in found]))
        return
    print_table(HEADERS, [row(key, now) for key in found])
    if not every:
        say("no keys yet: llmproxy keys create --project NAME")


@keys.command()
def show(key_id: KeyId, data_dir: DataDir = None, url: Url = None) -> None:
    """Print what is kept of one key, as JSON. The key itself is not kept."""

    async def work(office: Office) -> dict[str, object]:
        stored = await office.administration.keys.get(key_id)
        return plain(stored, office.clock.now())

    typer.echo(_text(administer(data_dir, url, _known(work))))


@keys.command()
def rotate(
    key_id: KeyId,
    grace_span: Annotated[
        str,
        typer.Option("--grace", metavar="SPAN", help="How long the old key stays valid; 0s: not."),
    ] = "24h",
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Make a new key with the rights of this one, which stays valid for a while.

    The new key is printed once, alone on stdout.
    """
    try:
        grace_s = grace(grace_span)
    except ValueError as error:
        stop(f"--grace: {error}", code=2)

    async def work(office: Office) -> tuple[IssuedKey, StoredKey]:
        issued = await office.administration.keys.rotate(key_id, grace_s=grace_s)
        return issued, await office.administration.keys.get(key_id)

    issued, old = administer(data_dir, url, _known(work))
    _show_once(issued)
    say(f"{old.id} stays valid until {moment(old.expires_at)} UTC")


@keys.command()
def change(  # noqa: PLR0913, PLR0917 - an argument for each option
    key_id: KeyId,
    models: Annotated[
        str | None, typer.Option(metavar="A,B", help="Codes or ids it may use from now on.")
    ] = None,
    all_models: Annotated[
        bool, typer.Option("--all-models", help="It may use all models it can see.")
    ] = False,
    expires: Annotated[str | None, typer.Option(metavar="WHEN", help=WHEN)] = None,
    never_expires: Annotated[
        bool, typer.Option("--never-expires", help="It does not expire.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Change which models a key may use, or when it expires. A revoked key stays revoked."""
    if (models is not None and all_models) or (expires is not None and never_expires):
        stop("give --models or --all-models, --expires or --never-expires, not both", code=2)
    if models is None and expires is None and not all_models and not never_expires:
        stop("nothing to change: give --models, --all-models, --expires, --never-expires", code=2)

    async def work(office: Office) -> StoredKey:
        patch: dict[str, object] = {}
        if models is not None or all_models:
            patch["models"] = None if models is None else sorted(_names(models))
        if expires is not None or never_expires:
            patch["expires_at"] = _moment(expires, office.clock.now())
        changed = await office.administration.keys.patch(key_id, patch, etag=None)
        await _point_out(office, () if models is None else _names(models))
        return changed

    changed = administer(data_dir, url, _known(work))
    typer.echo(f"{changed.id} is for {scope(changed)}")


@keys.command("limit")
def limit_(  # noqa: PLR0913, PLR0917 - an argument for each option
    key_id: KeyId,
    limit: LimitOptions = None,
    currency: Currency = None,
    alert_at: AlertAt = None,
    none: NoLimits = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Set limits of one key; those that are not named stay. NAME=none takes one away.

    A rotated key begins to count anew: what must outlive it is a limit of its project.
    """
    patch = limits_patch(limits_given(limit, currency, alert_at), none=none)

    async def work(office: Office) -> StoredKey:
        return await office.administration.keys.patch(key_id, patch, etag=None)

    changed = administer(data_dir, url, _known(work))
    typer.echo(f"{changed.id} {may_use(limit_words(changed.limits))}")


@keys.command()
def revoke(key_id: KeyId, data_dir: DataDir = None, url: Url = None) -> None:
    """Take a key out of use for good. A running server stops accepting it within seconds."""

    async def work(office: Office) -> StoredKey:
        before = await office.administration.keys.get(key_id)
        await office.administration.keys.revoke(key_id)
        return before

    before = administer(data_dir, url, _known(work))
    already = before.revoked_at is not None
    typer.echo(f"{key_id} {'was revoked already' if already else 'is revoked'}")


def _known(work: Callable[[Office], Awaitable[Result]]) -> Callable[[Office], Awaitable[Result]]:
    """Say what to do when no key has the id."""

    async def with_hint(office: Office) -> Result:
        try:
            return await work(office)
        except UnknownItem:
            stop("there is no key with this id; `llmproxy keys list` shows them")

    return with_hint


def _names(written: str) -> frozenset[str]:
    return frozenset(filter(None, map(str.strip, written.split(","))))


def _moment(written: str | None, now: float) -> float | None:
    try:
        return None if written is None else expiry(written, now)
    except ValueError as error:
        stop(f"--expires: {error}", code=2)


async def _point_out(office: Office, names: Iterable[str]) -> None:
    """Note the models of a key that nobody has registered yet."""
    for name in sorted(names):
        if not await office.directory.look_up(Selection(name=name)):
            say(f"note: no model has the code or id {name} yet")


def _show_once(issued: IssuedKey) -> None:
    typer.echo(issued.key.expose())
    say(f"{issued.stored.id} for {scope(issued.stored)}; it is not shown again")


def _text(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
