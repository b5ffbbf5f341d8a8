"""`llmproxy keys`: who may call."""

import json
from typing import Annotated

import typer

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.use_cases.issue_key import IssuedKey, IssueKey
from llmproxy.application.use_cases.revoke_key import RevokeKey
from llmproxy.cli.moments import expiry, moment
from llmproxy.cli.running import DataDir, Session, run, say, stop
from llmproxy.cli.tables import print_table

keys = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys that callers use.")


@keys.command()
def create(
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Project that uses the key and is charged.")
    ] = None,
    models: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Codes or ids it may use; without it, all it can see."),
    ] = None,
    expires: Annotated[
        str | None,
        typer.Option(
            metavar="WHEN", help="30d, 12h, 4w, or the last day (UTC) such as 2027-01-31."
        ),
    ] = None,
    admin: Annotated[
        bool, typer.Option("--admin", help="May also use the administration API.")
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is printed once, alone on stdout; only its digest is kept."""
    if project is None and not admin:
        stop("a key needs --project NAME (only an --admin key can do without)", code=2)
    if project is not None and not (
        project.strip() == project and project.isprintable() and project
    ):
        stop(
            "--project must not be empty nor hold blanks at its ends or control characters", code=2
        )
    wanted = None if models is None else frozenset(filter(None, map(str.strip, models.split(","))))

    async def work(session: Session) -> IssuedKey:
        expires_at = None if expires is None else expiry(expires, session.store.clock.now())
        issue = IssueKey(session.store.keys, session.store.clock)
        issued = await issue(project=project, models=wanted, admin=admin, expires_at=expires_at)
        for name in sorted((wanted or frozenset()) - await _known(session)):
            say(f"note: no model has the code or id {name} yet")
        return issued

    try:
        issued = run(data_dir, work)
    except ValueError as error:
        stop(str(error), code=2)
    typer.echo(issued.key.expose())
    say(f"{issued.stored.id} for {_scope(issued.stored)}; it is not shown again")


@keys.command("list")
def list_(
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    data_dir: DataDir = None,
) -> None:
    """List all keys, revoked and expired ones too. No key or digest is shown."""

    async def work(session: Session) -> tuple[list[StoredKey], float]:
        return await session.store.keys.load_all(), session.store.clock.now()

    stored, now = run(data_dir, work)
    if as_json:
        typer.echo(json.dumps([_plain(key, now) for key in stored], indent=2, ensure_ascii=False))
        return
    print_table(
        ("id", "key", "state", "project", "models", "admin", "created", "expires"),
        [
            (
                key.id,
                f"{key.prefix}…",
                _state(key, now),
                key.project or "-",
                "all" if key.models is None else ", ".join(sorted(key.models)),
                "yes" if key.admin else "no",
                moment(key.created_at),
                moment(key.expires_at),
            )
            for key in stored
        ],
    )
    if not stored:
        say("no keys yet: llmproxy keys create --project NAME")


@keys.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The id that `keys list` shows.")],
    data_dir: DataDir = None,
) -> None:
    """Take a key out of use for good. A running server stops accepting it within seconds."""

    async def work(session: Session) -> tuple[StoredKey | None, bool]:
        before = await session.store.keys.get(key_id)
        return before, await RevokeKey(session.store.keys, session.store.clock)(key_id)

    before, found = run(data_dir, work)
    if not found:
        stop("there is no key with this id; `llmproxy keys list` shows them")
    already = before is not None and before.revoked_at is not None
    typer.echo(f"{key_id} {'was revoked already' if already else 'is revoked'}")


async def _known(session: Session) -> frozenset[str]:
    documents = [stored.document for stored in await session.store.models.load_all()]
    return frozenset(
        str(document[field])
        for document in documents
        for field in ("id", "code")
        if field in document
    )


def _scope(key: StoredKey) -> str:
    models = "all models it can see" if key.models is None else ", ".join(sorted(key.models))
    parts = [f"project {key.project}" if key.project else "no project", models]
    parts.append(
        "never expires" if key.expires_at is None else f"until {moment(key.expires_at)} UTC"
    )
    return "; ".join((*parts, "admin") if key.admin else parts)


def _state(key: StoredKey, now: float) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "live" if key.is_live(now) else "expired"


def _plain(key: StoredKey, now: float) -> dict[str, object]:
    return {
        "id": key.id,
        "prefix": key.prefix,
        "state": _state(key, now),
        "project": key.project,
        "models": None if key.models is None else sorted(key.models),
        "admin": key.admin,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
