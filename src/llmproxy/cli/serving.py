"""One worker on uvicorn, with the gateway's own HTTP protocol and its own end."""

import json
import logging
import os
import signal
import socket
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, NoReturn

from llmproxy.config import SettingError, process_environment, settings_from, wants_json

if TYPE_CHECKING:
    from llmproxy.bootstrap.greeting import Inventory
    from llmproxy.config import Settings
    from llmproxy.infra.server.tls import ServerTls


def serve(given: Mapping[str, str]) -> None:
    """Serve the gateway until it is ended; what is `given` counts before the environment."""
    environment: dict[str, str] = {}
    try:
        environment = {**process_environment(), **given}
        settings = settings_from(environment)
    except SettingError as error:
        _stop(str(error), as_json=wants_json(environment))
    shared = settings.life.reuse_port
    try:
        listeners = [_listen(settings.host, settings.port, shared=shared)]
        if settings.access.admin_port is not None:
            listeners.append(_listen(settings.host, settings.access.admin_port, shared=shared))
    except _CannotListenError as error:
        _stop(str(error), as_json=settings.logs.as_json)
    _run(environment, listeners, settings)


class _CannotListenError(Exception):
    """The port cannot be had; the message says why, and what to do."""


def _listen(host: str, port: int, *, shared: bool) -> socket.socket:
    """Take a port; with `shared` others of this user may too, and the kernel spreads over all."""
    if shared and sys.platform != "linux":  # elsewhere the last one gets all connections
        raise _CannotListenError("REUSE_PORT=on needs Linux.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise _CannotListenError(
            f"cannot listen on {host}:{port}: {error.strerror}. Choose another PORT or HOST."
        ) from None
    listener.set_inheritable(True)
    return listener


def _address(listener: socket.socket, scheme: str) -> str:
    host, port = listener.getsockname()[:2]
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _leave(_number: int, _frame: object) -> NoReturn:
    # Not sys.exit: within an import pydantic takes its exception for a fault of a schema.
    os._exit(0)


def _run(
    environment: dict[str, str], listeners: list[socket.socket], settings: "Settings"
) -> NoReturn:
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)  # until the server takes over; nothing is open yet
    from llmproxy.app import create_app
    from llmproxy.bootstrap.logs import greet_in_json
    from llmproxy.infra.server.assembly import HeadBounds, server_for
    from llmproxy.infra.server.draining import Ending

    _log_to_stderr(settings)
    tls = _tls(settings)
    scheme = "http" if tls is None else "https"
    addresses = [_address(listener, scheme) for listener in listeners]
    if len(listeners) > 1:
        environment["ADMIN_PORT"] = str(listeners[1].getsockname()[1])  # 0 took a free one

    def greet(found: "Inventory") -> None:
        if settings.logs.as_json:
            greet_in_json(found, addresses)
        else:
            sys.stdout.write(f"{found.greeting(*addresses)}\n")
            sys.stdout.flush()

    app = create_app(environment, greet)
    heads, life = settings.heads, settings.life
    server = server_for(
        app,
        app.lifespan.life,
        Ending(life.drain_delay_s, life.shutdown_timeout_s),
        HeadBounds(heads.max_bytes, heads.max_lines, heads.timeout_s),
        tls,
    )
    try:
        server.run(sockets=listeners)
    except SystemExit as left:
        if not left.code:  # else this is how uvicorn ends a start that failed
            raise
    if app.lifespan.refused is not None:
        sys.exit(2)
    sys.exit(server.exit_code if server.started or server.should_exit else 1)


def _tls(settings: "Settings") -> "ServerTls | None":
    """Load certificate and key, where the gateway itself ends TLS; stops where they are none."""
    if settings.tls is None:
        return None
    from llmproxy.bootstrap.tls import open_tls

    try:
        return open_tls(settings)
    except SettingError as error:
        _stop(str(error), as_json=settings.logs.as_json)


def _log_to_stderr(settings: "Settings") -> None:
    """Write our own lines from this level on, those of libraries from WARNING on.

    Below it these write of every request to a store or a token endpoint.
    """
    from llmproxy.bootstrap.logs import write_records

    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    logging.getLogger("llmproxy").setLevel(settings.log_level.upper())
    write_records(settings.logs)


def _stop(message: str, *, as_json: bool) -> NoReturn:
    line = {"level": "CRITICAL", "logger": "llmproxy", "message": message}
    sys.stderr.write(f"{json.dumps(line) if as_json else f'llmproxy: {message}'}\n")
    sys.exit(2)
