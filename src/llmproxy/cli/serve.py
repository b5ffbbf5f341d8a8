"""`llmproxy serve`: one worker on uvicorn, with the gateway's own HTTP protocol."""

import asyncio
import logging
import socket
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from llmproxy.config import SettingError, Settings, process_environment, settings_from

if TYPE_CHECKING:
    from llmproxy.bootstrap.greeting import Inventory

KEEP_ALIVE_S = 75
"""Longer than the 60 s after which common load balancers drop an idle connection.

So that they close it, not we.
"""
BACKLOG = 4096


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
    environment = process_environment()
    environment |= {name: str(value) for name, value in given.items() if value is not None}
    try:
        settings = settings_from(environment)
    except SettingError as error:
        _stop(str(error))
    _log_to_stderr(settings.log_level)
    inventory = _inventory(settings)
    if not settings.on_loopback and not inventory.keys:
        _stop(
            f"HOST={settings.host} is reachable from other machines,"
            " and this gateway has no keys yet.\n"
            "Make one first:  llmproxy keys create --project NAME\n"
            "or listen on this machine only:  HOST=127.0.0.1"
        )
    listener = _listen(settings)
    typer.echo(inventory.greeting(_address(listener)))
    _run(settings, listener)


def _inventory(settings: Settings) -> "Inventory":
    from llmproxy.application.interfaces.store import StoreUnusableError
    from llmproxy.bootstrap.greeting import take_inventory

    try:
        return asyncio.run(take_inventory(settings))
    except StoreUnusableError as error:
        _stop(str(error))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        _stop(
            f"cannot listen on {settings.host}:{settings.port}: {error.strerror}."
            " Choose another PORT or HOST."
        )
    listener.set_inheritable(True)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _run(settings: Settings, listener: socket.socket) -> None:
    import uvicorn

    from llmproxy.app import create_app
    from llmproxy.infra.server.protocol import GatewayProtocol

    config = uvicorn.Config(
        create_app(settings.environment),
        http=GatewayProtocol,
        ws="none",  # the protocol serves WebSockets itself; uvicorn would import a library for them
        loop="auto",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
    )
    server = uvicorn.Server(config)
    server.run(sockets=[listener])
    sys.exit(0 if server.started else 1)


def _log_to_stderr(level: str) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)


def _stop(message: str) -> NoReturn:
    typer.echo(f"llmproxy: {message}", err=True)
    raise typer.Exit(2)
