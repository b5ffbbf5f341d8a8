"""`llmproxy registry`: all models, projects and keys at once."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Annotated

import typer

from llmproxy.application.use_cases.transfer_registry.archive import (
    Archive,
    ArchiveError,
    read_archive,
)
from llmproxy.application.use_cases.transfer_registry.transfer import Deed, Plan
from llmproxy.bootstrap.registry_copy import (
    Source,
    archive_of,
    faults_of,
    initialise_registry,
    read_source,
    settings_for,
    store_at,
    transfer_into,
)
from llmproxy.bootstrap.store import Store
from llmproxy.cli.differences import print_fields
from llmproxy.cli.documents import STDIN, read_object
from llmproxy.cli.litellm_import import import_litellm
from llmproxy.cli.private_file import write_private
from llmproxy.cli.running import AsJson, DataDir, Session, guarded, run, say, stop
from llmproxy.cli.tables import print_table
from llmproxy.config import Settings
from llmproxy.domain.project import ProjectError, parse_project

registry = typer.Typer(
    no_args_is_help=True,
    help="Make, back up, restore and copy the registry: all models, projects and keys.",
)
registry.command("import-litellm")(import_litellm)

DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Show what would change, field by field; keep nothing.")
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Remove models and projects that are not in the source."),
]
WithoutKeys = Annotated[bool, typer.Option("--without-keys", help="Leave the keys out.")]


@registry.command()
def init(
    throughput: Annotated[
        int | None,
        typer.Option(min=400, metavar="RU", help="Cosmos DB: RU/s of a database that is made."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Make the registry: the SQLite file, or Cosmos DB's database and containers (COSMOS_URL)."""

    async def work(settings: Settings) -> list[str]:
        return await initialise_registry(settings, throughput)

    for line in guarded(data_dir, work):
        typer.echo(line)


@registry.command()
def export(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="Where to; - for stdout.")] = STDIN,
    without_keys: WithoutKeys = False,
    data_dir: DataDir = None,
) -> None:
    """Write models, projects and keys as one JSON document, for `registry import`.

    Digests of keys are in it, keys are not. A file is readable by its owner only.
    """

    async def work(session: Session) -> Archive:
        return await archive_of(session.store, keys=not without_keys)

    archive = run(data_dir, work)
    text = json.dumps(archive.plain(), indent=2, ensure_ascii=False) + "\n"
    if file == STDIN:
        typer.echo(text, nl=False)
        return
    try:
        write_private(file, text)
    except OSError as error:
        stop(f"{file}: {error.strerror or type(error).__name__}")
    say(f"{_counted(archive)} in {file}")


@registry.command("import")
def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="An export; - for stdin.")],
    dry_run: DryRun = False,
    prune: Prune = False,
    without_keys: WithoutKeys = False,
    data_dir: DataDir = None,
) -> None:
    """Take an export in. Twice is as good as once; nothing is removed without --prune.

    A revoked key stays revoked, whatever the export says. Keys are never removed.
    """
    try:
        archive = read_archive(read_object(file))
    except ArchiveError as error:
        for problem in error.problems:
            say(f"error: {file}: {problem.text}")
        stop("nothing was imported")
    if without_keys:
        archive = Archive(archive.models, archive.projects)

    async def work(session: Session) -> Plan:
        return await _take_in(archive, session.store, session.settings, (dry_run, prune))

    _warn_of_faults(archive)
    _report(run(data_dir, work), dry_run=dry_run)


@registry.command()
def copy(
    source: Annotated[
        str,
        typer.Option("--from", metavar="STORE", help="sqlite:FOLDER, cosmos, or folder:DOCUMENTS."),
    ],
    target: Annotated[
        str, typer.Option("--to", metavar="STORE", help="sqlite:FOLDER, or cosmos (COSMOS_URL).")
    ],
    dry_run: DryRun = False,
    prune: Prune = False,
    without_keys: WithoutKeys = False,
) -> None:
    """Copy models, projects and keys from one store into another, as `registry import` does.

    `cosmos` is the account that COSMOS_URL and the other COSMOS_ variables name.
    """
    whole = not without_keys

    async def work(settings: Settings) -> tuple[Source, Plan | None]:
        read = await read_source(source, settings, keys=whole, signing=whole and not dry_run)
        if read.faults:
            return read, None
        async with store_at(target, settings) as store:
            named = settings_for(target, settings)
            plan = await _take_in(read.archive, store, named, (dry_run, prune))
            await _copy_signing_key(read, store)
            return read, plan

    read, plan = guarded(None, work)
    for where, message in read.faults.items():
        say(f"error: {where}: {message}")
    if plan is None:
        stop("nothing was copied")
    _warn_of_faults(read.archive)
    _report(plan, dry_run=dry_run)


@registry.command()
def status(as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Say where the registry is, how much it holds, and which documents cannot be used."""

    async def work(session: Session) -> dict[str, object]:
        return await _status(session.store)

    found = run(data_dir, work)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    rows: list[tuple[str, str]] = []
    for name, value in found.items():
        if isinstance(value, Mapping):
            rows += [(f"{name}: {inner}", str(said)) for inner, said in value.items()]
        else:
            rows.append((name, str(value)))
    print_table(("what", "is"), rows)


async def _status(store: Store) -> dict[str, object]:
    now = store.clock.now()
    archive = await archive_of(store)
    keys = archive.keys or ()
    states = Counter(
        "revoked" if key.revoked_at is not None else "live" if key.is_live(now) else "expired"
        for key in keys
    )
    return {
        "place": store.place,
        "models": len(archive.models or ()),
        "projects": len(archive.projects or ()),
        "keys": {word: states[word] for word in ("live", "expired", "revoked")},
        "admin keys": sum(key.admin and key.is_live(now) for key in keys),
        "problems": {**faults_of(archive), **_project_faults(archive)},
    }


async def _copy_signing_key(source: Source, store: Store) -> None:
    """Let ids of responses made over the source stay valid over a target that never served."""
    if source.signing_key is None:
        return
    if await store.signing_keys.keep(source.signing_key) != source.signing_key:
        say(
            "note: the target signs with a key of its own: older ids of responses are unknown there"
        )


async def _take_in(
    archive: Archive, store: Store, settings: Settings, how: tuple[bool, bool]
) -> Plan:
    dry_run, prune = how
    transfer = transfer_into(store, settings)
    plan = await transfer.plan(archive, prune=prune)
    if not dry_run:
        await transfer.carry_out(plan)
    return plan


def _report(plan: Plan, *, dry_run: bool) -> None:
    """Print a line per item that changes, in a dry run with its fields, and the counts."""
    shown = [step for step in plan.steps if step.deed not in (Deed.UNCHANGED, Deed.KEPT)]
    for step in shown:
        if dry_run:
            print_fields(f"{step.deed} {step.kind} {step.id}", step.fields)
        else:
            typer.echo(f"{step.deed} {step.kind} {step.id}")
    for note in plan.notes:
        say(f"note: {note}")
    counts = Counter(f"{step.deed} {step.kind}" for step in plan.steps)
    told = ", ".join(f"{count} {what}" for what, count in counts.items()) or "nothing to do"
    say(f"nothing was kept; it would be: {told}" if dry_run else told)


def _warn_of_faults(archive: Archive) -> None:
    for name, reason in {**faults_of(archive), **_project_faults(archive)}.items():
        say(f"warning: {name}: {reason}: no gateway will use it")


def _project_faults(archive: Archive) -> dict[str, str]:
    found: dict[str, str] = {}
    for document in archive.projects or ():
        try:
            parse_project(document)
        except ProjectError as error:
            found[str(document["id"])] = error.problems[0].text
    return found


def _counted(archive: Archive) -> str:
    parts = (("models", archive.models), ("projects", archive.projects), ("keys", archive.keys))
    return ", ".join(f"{len(part)} {name}" for name, part in parts if part is not None)
