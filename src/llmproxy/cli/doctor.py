"""`llmproxy doctor`: what is wrong with this installation, and what to do about it."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from llmproxy.application.use_cases.doctor.examine import LIMIT_S, Examined
from llmproxy.application.use_cases.doctor.findings import Level
from llmproxy.cli.running import AsJson, DataDir, stop
from llmproxy.cli.tables import print_table
from llmproxy.config import SettingError, env_file, process_environment
from llmproxy.config.examining import examined

if TYPE_CHECKING:
    from llmproxy.bootstrap.doctoring.examination import Wanted

HEADERS = ("result", "check", "finding", "what to do")


def doctor(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL]…", help="Names that requests use: are they found?", show_default=False
        ),
    ] = None,
    ask: Annotated[
        bool,
        typer.Option("--ask", help="Ask each chat model one short question. Costs some tokens."),
    ] = False,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Ask a running gateway how it is, too, with the admin key in LLMPROXY_ADMIN_KEY.",
            show_default=False,
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Longest wait of one check.")
    ] = LIMIT_S,
    as_json: AsJson = False,
    data_dir: DataDir = None,
) -> None:
    """Look at settings, folder, store, Redis, secrets, tokens, hosts, limits, and say what to do.

    Nothing is changed. Ends with 1 when there is a problem; a warning is none.
    """
    from llmproxy.bootstrap.doctoring.examination import Wanted

    logging.getLogger().addHandler(logging.NullHandler())  # all that matters is a finding
    found = _run(data_dir, Wanted(tuple(dict.fromkeys(models or ())), ask, url, timeout))
    rows = [
        (each.level.value, check.name, each.what, each.todo)
        for check in found
        for each in check.findings
    ]
    if as_json:
        keys = ("result", "check", "finding", "todo")
        typer.echo(json.dumps([dict(zip(keys, row, strict=True)) for row in rows], indent=2))
    else:
        print_table(HEADERS, rows)
    problems = sum(row[0] == Level.PROBLEM for row in rows)
    if problems:
        stop(f"{problems} {'problem' if problems == 1 else 'problems'}")


def _run(data_dir: str | None, wanted: "Wanted") -> list[Examined]:
    from llmproxy.bootstrap.doctoring.examination import EnvFile, examination

    fault = None
    try:
        environment = process_environment()
    except SettingError as error:
        fault, environment = str(error), process_environment(with_file=False)
    if data_dir is not None:
        environment["LLMPROXY_DATA_DIR"] = data_dir
    try:
        read, env = examined(environment), EnvFile(env_file(), fault)
        with _progress() as told:
            return asyncio.run(examination(read, env, wanted, told))
    except SettingError as error:
        stop(str(error), code=2)


@contextmanager
def _progress() -> Iterator[Callable[[int, int, str], None]]:
    """Show a bar on stderr; without a terminal there, nothing."""
    if not sys.stderr.isatty():
        yield lambda _done, _all, _name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("looking", total=None)
        yield lambda done, every, name: progress.update(
            task, completed=done, total=every, description=name
        )
