"""Running a command against the store, and ending it in words instead of a traceback."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, NamedTuple, NoReturn, TypeVar

import typer

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.bootstrap.store import Store, open_store
from llmproxy.config import SettingError, Settings, process_environment, settings_from
from llmproxy.domain.errors import Unavailable

Result = TypeVar("Result")

DataDir = Annotated[
    str | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="Folder of the data (LLMPROXY_DATA_DIR; ~/.local/state/llmproxy).",
        show_default=False,
    ),
]


class Session(NamedTuple):
    """What a command works with."""

    settings: Settings
    store: Store


def run(data_dir: str | None, work: Callable[[Session], Awaitable[Result]]) -> Result:
    """Open the store of this folder, run the work, close it; exits with 1 or 2 when that fails."""
    given = {} if data_dir is None else {"LLMPROXY_DATA_DIR": data_dir}
    try:
        settings = settings_from({**process_environment(), **given})
    except SettingError as error:
        stop(str(error), code=2)
    try:
        return asyncio.run(_within(settings, work))
    except StoreUnusableError as error:
        stop(str(error))
    except Unavailable as error:
        stop(f"{error.message} {error.detail}")


def stop(message: str, *, code: int = 1) -> NoReturn:
    """End the command with this message on stderr; 1 = it failed, 2 = it was called wrongly."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """Write a note for people: to stderr, so that stdout holds results only."""
    typer.echo(f"llmproxy: {message}", err=True)


async def _within(settings: Settings, work: Callable[[Session], Awaitable[Result]]) -> Result:
    store = await open_store(settings.data_dir)
    try:
        return await work(Session(settings, store))
    finally:
        await store.close()
