"""`llmproxy registry import-litellm`: models out of a LiteLLM config, and a report of the rest."""

import json
import re
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from llmproxy.application.interfaces.administration import Put
from llmproxy.bootstrap.administering import Office
from llmproxy.cli.differences import document_fields, print_fields
from llmproxy.cli.documents import STDIN
from llmproxy.cli.running import DataDir, Url, administer, say, stop
from llmproxy.cli.tables import print_table

if TYPE_CHECKING:
    from llmproxy.domain.litellm_config.conversion import Conversion

_NOT_IN_A_NAME: Final = re.compile(r"[^A-Za-z0-9._-]+")
_TO_DO: Final = "to do"
_ORDER: Final = (_TO_DO, "changed", "left out")
"""The values of `domain.litellm_config.remarks.Kind`; that package is for this command only."""


def import_litellm(
    config: Annotated[
        str, typer.Argument(metavar="CONFIG|-", help="LiteLLM's config.yaml; - for stdin.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show documents and report; keep nothing.")
    ] = False,
    write: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="Write the documents into a folder, not the registry."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print documents and report as one JSON object.")
    ] = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Import the models of a LiteLLM config, and report every setting that did not carry over.

    No secret is imported: the report says under which name to set each one that stands in the file.
    """
    if dry_run and write is not None:
        stop("give --dry-run or --write, not both", code=2)
    converted = _converted(config)
    if write is not None:
        _write(Path(write), converted.documents)
        done: Sequence[Put] = ()
    else:
        done = administer(data_dir, url, _keeping(converted, dry_run=dry_run))
    if as_json:
        _print_json(converted)
    else:
        _print_documents(converted, done)
        _print_report(converted)
    if dry_run:
        say("nothing was kept")


def _keeping(converted: "Conversion", *, dry_run: bool) -> Callable[[Office], Awaitable[list[Put]]]:
    async def work(office: Office) -> list[Put]:
        return await office.administration.models.put_all(converted.documents, dry_run=dry_run)

    return work


def _converted(source: str) -> "Conversion":
    from llmproxy.domain.litellm_config.conversion import ConfigError, convert
    from llmproxy.infra.wire.yaml_text import DEFAULT_MAX_BYTES, YamlError, read_yaml

    where = "stdin" if source == STDIN else source
    try:
        if source == STDIN:
            data = sys.stdin.buffer.read(DEFAULT_MAX_BYTES + 1)
        else:
            with Path(source).open("rb") as file:
                data = file.read(DEFAULT_MAX_BYTES + 1)
        return convert(read_yaml(data))
    except OSError as error:
        stop(f"{where}: {error.strerror or type(error).__name__}")
    except YamlError as error:
        stop(f"{where}:{error.line}: {error.message}")
    except ConfigError as error:
        stop(f"{where}: {error}")


def _write(folder: Path, documents: Sequence[dict[str, object]]) -> None:
    """Write a file per document; what is there already is not overwritten."""
    names: dict[Path, str] = {}
    for document in documents:
        path = folder / f"{_NOT_IN_A_NAME.sub('-', str(document['id']))}.json"
        if path in names or path.exists():
            stop(f"{path} is there already: nothing was written")
        names[path] = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in names.items():
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        stop(f"{folder}: {error.strerror or type(error).__name__}")
    say(f"{len(names)} documents are in {folder}")


def _print_documents(converted: "Conversion", done: Sequence[Put]) -> None:
    words = {put.id: put.change.value for put in done}
    print_table(
        ("result", "id", "code", "provider", "type"),
        [
            (
                words.get(str(document["id"]), "written"),
                *(str(document[name]) for name in ("id", "code", "provider", "model_type")),
            )
            for document in converted.documents
        ],
    )
    documents = {str(document["id"]): document for document in converted.documents}
    for put in done:
        if put.before is not None and put.change.value == "changed":
            print_fields(f"model {put.id}", document_fields(put.before, documents[put.id]))


def _print_report(converted: "Conversion") -> None:
    rows = [
        (remark.kind.value, remark.place, remark.message)
        for kind in _ORDER
        for remark in converted.remarks
        if remark.kind == kind
    ]
    if rows:
        typer.echo()
        print_table(("report", "setting", "what"), rows)
    to_do = sum(remark.kind == _TO_DO for remark in converted.remarks)
    say(f"{len(converted.documents)} documents; {to_do} things to do")


def _print_json(converted: "Conversion") -> None:
    report = [remark._asdict() for remark in converted.remarks]
    found = {"documents": converted.documents, "report": report}
    typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
