"""`llmproxy models import`: documents from files into the registry."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import typer

from llmproxy.application.interfaces.administration import Put
from llmproxy.application.interfaces.document_repository import Change
from llmproxy.bootstrap.administering import Office
from llmproxy.bootstrap.price_table import price_table
from llmproxy.cli.differences import document_fields, print_fields
from llmproxy.cli.documents import Found, Harvest, harvest
from llmproxy.cli.running import DataDir, Url, administer, say, stop
from llmproxy.cli.tables import print_table
from llmproxy.domain.price_suggestion import far_off


class _Done(NamedTuple):
    harvested: Harvest
    put: Sequence[Put]
    warnings: Sequence[str]


def import_(
    sources: Annotated[
        list[str],
        typer.Argument(metavar="FILE|FOLDER|-", help="Documents: .json, .jsonc, or - for stdin."),
    ],
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Import the good documents although others are bad."),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would change by field; keep nothing.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Register models from documents: objects, arrays, or several after one another, commented.

    Nothing is imported when one document is bad, unless --keep-going says so. A document takes the
    place of the one with the same id. Several documents with one code are deployments of one model.
    """

    async def work(office: Office) -> _Done:
        # A gateway has an environment of its own, and warns of what it lacks itself.
        harvested = harvest(sources, office.environment)
        if harvested.faults and not keep_going:
            return _Done(harvested, (), harvested.warnings)
        documents = [found.parsed.model.document for found in _last(harvested).values()]
        put = await office.administration.models.put_all(documents, dry_run=dry_run)
        told = [f"{each.id}: {said}" for each in put for said in each.warnings]
        if not office.remote:
            told = list(harvested.warnings)
        return _Done(harvested, put, told + _far_off(harvested))

    done = administer(data_dir, url, work)
    for warning in done.warnings:
        say(f"warning: {warning}")
    for where, message in done.harvested.faults:
        say(f"error: {where}: {message}")
    rows = _rows(done.harvested.found, done.put)
    if dry_run:
        _print_changes(_last(done.harvested), done.put)
    if rows:
        print_table(("result", "id", "code", "from"), rows)
        counts = Counter(row[0] for row in rows)
        told = ", ".join(f"{count} {change}" for change, count in counts.items())
        say(f"nothing was kept; it would be: {told}" if dry_run else told)
    _stop_for(done.harvested, len(rows), keep_going=keep_going)


def _far_off(harvested: Harvest) -> list[str]:
    """Return warnings of prices that are probably in the wrong unit, where there is a table."""
    table = price_table()
    if table is None:
        return []
    return [
        f"{name}: {warning}"
        for name, found in _last(harvested).items()
        for warning in far_off(found.parsed.model, table.entries)
    ]


def _last(harvested: Harvest) -> dict[str, Found]:
    """Return the documents by id; of several with one id the last counts."""
    return {found.parsed.model.id: found for found in harvested.found}


def _rows(found: Sequence[Found], put: Sequence[Put]) -> list[tuple[str, ...]]:
    """Return a row per document; those whose place a later one takes are skipped."""
    if not put:
        return []
    words = {each.id: each.change.value for each in put}
    last = {each.parsed.model.id: each for each in found}
    return [
        (
            words[each.parsed.model.id] if last[each.parsed.model.id] is each else "skipped",
            each.parsed.model.id,
            each.parsed.model.code,
            each.place,
        )
        for each in found
    ]


def _print_changes(last: Mapping[str, Found], put: Sequence[Put]) -> None:
    for each in put:
        if each.before is not None and each.change is Change.CHANGED:
            after = last[each.id].parsed.model.document
            print_fields(f"model {each.id}", document_fields(each.before, after))


def _stop_for(harvested: Harvest, imported: int, *, keep_going: bool) -> None:
    """End with 1 when a document was bad."""
    if harvested.faults:
        places = len({where for where, _ in harvested.faults})
        rest = f"{imported} imported" if imported else "nothing was imported"
        stop(f"{places} bad; {rest}" + ("" if keep_going else " (--keep-going imports the rest)"))
