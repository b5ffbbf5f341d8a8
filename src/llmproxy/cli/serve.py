"""`llmproxy serve`: one worker on uvicorn, with the gateway's own HTTP protocol and its own end."""

import logging
import signal
import socket
import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from llmproxy.config import SettingError, process_environment, settings_from

if TYPE_CHECKING:
    from llmproxy.bootstrap.greeting import Inventory
    from llmproxy.config.settings import LifeSettings

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
    try:
        environment = process_environment()
        environment |= {name: str(value) for name, value in given.items() if value is not None}
        settings = settings_from(environment)
    except SettingError as error:
        _stop(str(error))
    _log_to_stderr(settings.log_level)
    shared = settings.life.reuse_port
    listeners = [_listen(settings.host, settings.port, shared=shared)]
    if settings.access.admin_port is not None:
        listeners.append(_listen(settings.host, settings.access.admin_port, shared=shared))
    _run(environment, listeners, settings.life)


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """Take a port; with `shared` others of this user may too, and the kernel spreads over all."""
    if shared and sys.platform != "linux":  # elsewhere the last one gets all connections
        _stop("REUSE_PORT=on needs Linux.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        _stop(f"cannot listen on {host}:{port}: {error.strerror}. Choose another PORT or HOST.")
    listener.set_inheritable(True)
    return listener


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _leave(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def _run(
    environment: dict[str, str], listeners: list[socket.socket], life: "LifeSettings"
) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until the server takes over; nothing is open yet
    import uvicorn

    from llmproxy.app import create_app
    from llmproxy.infra.server.draining import DrainingServer, Ending
    from llmproxy.infra.server.protocol import GatewayProtocol

    addresses = [_address(listener) for listener in listeners]
    if len(listeners) > 1:
        environment["ADMIN_PORT"] = str(listeners[1].getsockname()[1])  # 0 took a free one

    def greet(found: "Inventory") -> None:
        typer.echo(found.greeting(*addresses))

    app = create_app(environment, greet)
    config = uvicorn.Config(
        app,
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
    ending = Ending(life.drain_delay_s, life.shutdown_timeout_s)
    server = DrainingServer(config, app.lifespan.life, ending)
    try:
        server.run(sockets=listeners)
    except SystemExit as left:
        if not left.code:  # else this is how uvicorn ends a start that failed
            raise
    if app.lifespan.refused is not None:
        sys.exit(2)
    sys.exit(server.exit_code if server.started or server.should_exit else 1)


def _log_to_stderr(level: str) -> None:
    """Write our own lines from this level on, those of libraries from WARNING on.

    Below it these write of every request to a store or a token endpoint.
    """
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("llmproxy").setLevel(level.upper())


def _stop(message: str) -> NoReturn:
    typer.echo(f"llmproxy: {message}", err=True)
    raise typer.Exit(2)
