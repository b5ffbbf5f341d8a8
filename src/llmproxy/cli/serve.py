"""`llmproxy serve`, with its options."""

from typing import Annotated

import typer

from llmproxy.cli import serving


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on (HOST; 127.0.0.1).")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port, 0 for a free one (PORT; 8000).")] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(help="Folder of the data (LLMPROXY_DATA_DIR; ~/.local/state/llmproxy)."),
    ] = None,
) -> None:
    """Serve the gateway. Every setting can also come from the environment: see .env.example."""
    given = {"HOST": host, "PORT": port, "LLMPROXY_DATA_DIR": data_dir}
    serving.serve({name: str(value) for name, value in given.items() if value is not None})
