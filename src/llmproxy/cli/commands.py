"""All commands, with their help."""

from typing import Annotated

import typer

from llmproxy import __version__
from llmproxy.cli.doctor import doctor
from llmproxy.cli.explain import explain
from llmproxy.cli.keys import keys
from llmproxy.cli.models import models
from llmproxy.cli.prices import prices
from llmproxy.cli.projects import projects
from llmproxy.cli.registry import registry
from llmproxy.cli.serve import serve
from llmproxy.cli.usage import usage

app = typer.Typer(
    name="llmproxy",
    help="An OpenAI-compatible gateway in front of many providers of language models.",
    epilog="First steps: `llmproxy serve`, then `llmproxy models import FILE`.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(serve)
app.command()(explain)
app.command()(doctor)
app.command()(usage)
app.add_typer(models, name="models")
app.add_typer(keys, name="keys")
app.add_typer(projects, name="projects")
app.add_typer(prices, name="prices")
app.add_typer(registry, name="registry")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"llmproxy {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and end."
        ),
    ] = False,
) -> None:
    pass
