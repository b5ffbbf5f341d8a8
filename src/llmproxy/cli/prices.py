"""`llmproxy prices`: prices for models that have none, out of LiteLLM's table."""

import json
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import typer

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.bootstrap.administering import Office
from llmproxy.bootstrap.price_table import MEND, PriceTable, price_table
from llmproxy.cli.running import DataDir, Url, administer, say, stop
from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.errors import EtagMismatch, GatewayError
from llmproxy.domain.model import Model
from llmproxy.domain.price_suggestion import (
    FAR,
    Suggestion,
    key_of,
    lacks_prices,
    suggestion_for,
)

prices = typer.Typer(no_args_is_help=True, help="Look for prices that models lack.")


@prices.callback()
def _group() -> None:
    pass


class _Offer(NamedTuple):
    suggestion: Suggestion
    etag: str | None


class _Looked(NamedTuple):
    """What was found, and the ids of models that the table does not know."""

    offers: list[_Offer]
    unknown: list[str]


@prices.command()
def suggest(
    model_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]…", help="Ids or codes; without them, all.", show_default=False
        ),
    ] = None,
    compare: Annotated[
        bool, typer.Option("--all", help="Compare the prices that models have, too.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Give all models what is shown.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON; nothing is asked, or changed without --yes.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Show prices of LiteLLM's table for models that lack them, and ask before they are taken.

    The table knows the vendors' list prices in USD, and nothing of regions or agreements.
    """
    table = price_table()
    if table is None:
        stop(MEND)

    async def look(office: Office) -> _Looked:
        stored = await office.administration.models.every()
        chosen = _chosen(stored, model_ids or [])
        return _looked(chosen, dict(office.environment), table, compare=compare)

    looked = administer(data_dir, url, look)
    approved = _approved(looked.offers, table, yes=yes, quiet=as_json)

    async def keep(office: Office) -> list[str]:
        return [each.suggestion.model_id for each in approved if await _kept(office, each)]

    kept = administer(data_dir, url, keep) if approved else []
    if as_json:
        typer.echo(_text(looked, table, kept))
    else:
        _tell(looked, kept)
    if len(kept) < len(approved):
        raise typer.Exit(1)


def _chosen(stored: Sequence[StoredDocument], names: Sequence[str]) -> list[StoredDocument]:
    wanted = frozenset(names)
    chosen = [
        each for each in stored if not wanted or wanted & {each.id, each.document.get("code")}
    ]
    known = {name for each in chosen for name in (each.id, each.document.get("code"))}
    unknown = [name for name in names if name not in known]
    if unknown:
        stop(f"there is no model with the id or code {', '.join(unknown)}")
    return chosen


def _looked(
    stored: Sequence[StoredDocument],
    environment: dict[str, str],
    table: PriceTable,
    *,
    compare: bool,
) -> _Looked:
    looked = _Looked([], [])
    for each in stored:
        try:
            model = parse_model(each.document, environment=environment).model
        except DocumentError as error:
            say(f"{each.id} is passed over: {error}")
            continue
        if model.price is not None and model.price.free:
            continue
        if compare or lacks_prices(model):
            _look(model, each.etag, table, looked, compare=compare)
    return looked


def _look(
    model: Model, etag: str | None, table: PriceTable, looked: _Looked, *, compare: bool
) -> None:
    suggested = suggestion_for(model, table.entries, replace=compare)
    if suggested is not None:
        looked.offers.append(_Offer(suggested, etag))
    elif lacks_prices(model) or key_of(model, table.entries) is None:
        looked.unknown.append(model.id)


def _approved(
    offers: Sequence[_Offer], table: PriceTable, *, yes: bool, quiet: bool
) -> list[_Offer]:
    """Return those to be taken; when quiet, nothing is shown and nobody is asked."""
    approved: list[_Offer] = []
    for each in offers:
        if not quiet:
            _show(each.suggestion, table)
        if yes or (not quiet and typer.confirm(f"Give {each.suggestion.model_id} these prices?")):
            approved.append(each)
    return approved


def _show(suggested: Suggestion, table: PriceTable) -> None:
    typer.echo(f"{suggested.model_id}: {suggested.key} in LiteLLM {table.version}, USD")
    for each in suggested.differences:
        now = "nothing" if each.now is None else json.dumps(each.now, default=float)
        far = f"  (more than {FAR} times off)" if each.far else ""
        typer.echo(f"  costs.{each.field}: {now} -> {json.dumps(each.then)}{far}")


async def _kept(office: Office, offer: _Offer) -> bool:
    suggested = offer.suggestion
    try:
        kept = await office.administration.models.patch(
            suggested.model_id, suggested.patch, etag=offer.etag
        )
    except EtagMismatch:
        say(f"{suggested.model_id} was changed in the meantime: look again")
        return False
    except GatewayError as error:
        say(f"{suggested.model_id}: {error.message}")
        return False
    for warning in kept.warnings:
        say(f"warning: {suggested.model_id}: {warning}")
    return True


def _text(looked: _Looked, table: PriceTable, kept: Sequence[str]) -> str:
    suggestions = [
        {
            "id": each.suggestion.model_id,
            "key": each.suggestion.key,
            "litellm": table.version,
            "differences": [difference._asdict() for difference in each.suggestion.differences],
            "patch": each.suggestion.patch,
            "applied": each.suggestion.model_id in kept,
        }
        for each in looked.offers
    ]
    found = {"suggestions": suggestions, "unknown": looked.unknown}
    return json.dumps(found, indent=2, ensure_ascii=False, default=float)


def _tell(looked: _Looked, kept: Sequence[str]) -> None:
    for model_id in kept:
        typer.echo(f"{model_id} is changed")
    if looked.unknown:
        say(f"no price is known for {', '.join(looked.unknown)}: write `costs` by hand")
    if not looked.offers and not looked.unknown:
        say("no model lacks a price")
