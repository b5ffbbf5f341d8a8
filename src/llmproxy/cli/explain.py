"""`llmproxy explain`: what would become of a request, without calling anyone."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import typer

from llmproxy.bootstrap.administering import Office
from llmproxy.cli.running import AsJson, DataDir, Session, Url, administer, run, stop

STDIN: Final = "-"


def explain(  # noqa: PLR0913, PLR0917 - an argument for each option
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="The request's JSON body; - is stdin.")
    ],
    endpoint: Annotated[
        str, typer.Option(metavar="PATH", help="Where it would be sent.")
    ] = "/v1/chat/completions",
    key: Annotated[
        str | None, typer.Option(metavar="ID", help="Id of the key that it would be sent with.")
    ] = None,
    project: Annotated[
        str | None, typer.Option(metavar="NAME", help="Or: project of an unrestricted key.")
    ] = None,
    as_json: AsJson = False,
    data_dir: DataDir = None,
    url: Url = None,
) -> None:
    """Say who would serve a request, what they would be sent, and what would refuse it.

    Nothing is sent, reserved or journalled. Secrets are shown as *****.
    """
    from llmproxy.cli.explanation import words

    if key is not None and project is not None:
        stop("give --key or --project, not both", code=2)
    request = explain_request(_read(file), endpoint, key, project)

    async def there(office: Office) -> bytes | None:
        return None if office.explain is None else await office.explain(request)

    async def here(session: Session) -> bytes:
        from llmproxy.bootstrap.explaining import open_explaining

        with _quiet():
            async with open_explaining(session.settings, session.store) as explaining:
                return await explaining(request)

    answer = administer(data_dir, url, there) or run(data_dir, here)
    typer.echo(answer if as_json else words(answer))


def explain_request(body: bytes, endpoint: str, key: str | None, project: str | None) -> bytes:
    """Return the body of `POST /admin/explain`; `body` stands in it as it is."""
    head: dict[str, object] = {"endpoint": endpoint}
    if key is not None:
        head["as"] = {"key_id": key}
    elif project is not None:
        head["as"] = {"project": project}
    return json.dumps(head).encode()[:-1] + b', "body": ' + body + b"}"


def _read(file: str) -> bytes:
    """Return a file that is JSON; ends the command when it is not."""
    import msgspec

    try:
        body = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
        msgspec.json.Decoder(msgspec.Raw).decode(body)
    except OSError as error:
        stop(f"{file}: {error.strerror or type(error).__name__}")
    except (msgspec.DecodeError, RecursionError) as error:
        stop(f"{'stdin' if file == STDIN else file}: not JSON: {error}")
    return body


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a server would log of its documents to itself: the explanation says it."""
    logger = logging.getLogger("llmproxy")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
