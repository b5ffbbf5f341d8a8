"""What would change, field by field, for people."""

from collections.abc import Iterable, Mapping

import typer

from llmproxy.application.use_cases.transfer_registry.difference import FieldChange, differences
from llmproxy.domain.masking import masked

_SHOWN = 200
"""Characters of a value; a longer one is cut."""


def print_fields(name: str, fields: Iterable[FieldChange]) -> None:
    """Print the changed fields of one item, each on a line under its name."""
    typer.echo(name)
    for field in fields:
        before = "nothing" if field.before is None else _cut(field.before)
        after = "nothing" if field.after is None else _cut(field.after)
        typer.echo(f"  {field.path}: {before} -> {after}")


def document_fields(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[FieldChange, ...]:
    """Return how two documents differ, with what could be secrets masked."""
    return tuple(differences(masked(before), masked(after)))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
