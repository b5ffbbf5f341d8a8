"""Running a command against the store or a gateway, and ending it in words, not in a traceback."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, NamedTuple, NoReturn, TypeVar

import typer

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.bootstrap.administering import Office, office_at, office_over
from llmproxy.bootstrap.store import Store, open_store
from llmproxy.config import SettingError, Settings, process_environment, settings_from
from llmproxy.domain.errors import GatewayError, InvalidRequest

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
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="Ask a running gateway (LLMPROXY_URL) with the admin key in LLMPROXY_ADMIN_KEY.",
        show_default=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


class Session(NamedTuple):
    """What a command works with."""

    settings: Settings
    store: Store


def run(data_dir: str | None, work: Callable[[Session], Awaitable[Result]]) -> Result:
    """Open the store of this folder, run the work, close it; exits with 1 or 2 when that fails."""

    async def within(settings: Settings) -> Result:
        store = await open_store(settings)
        try:
            return await work(Session(settings, store))
        finally:
            await store.close()

    return guarded(data_dir, within)


def administer(
    data_dir: str | None, url: str | None, work: Callable[[Office], Awaitable[Result]]
) -> Result:
    """Run the work at the gateway of this address, else over the store; exits as `run` does.

    What is said on the command line counts before what the environment says.
    """
    if data_dir is not None and url is not None:
        stop("give --data-dir or --url, not both", code=2)

    async def within(settings: Settings) -> Result:
        there = url
        if there is None and data_dir is None:
            there = settings.environment.get("LLMPROXY_URL", "").strip() or None
        opened = office_over(settings) if there is None else office_at(there, settings, _warn)
        async with opened as office:
            return await work(office)

    return guarded(data_dir, within)


def guarded(data_dir: str | None, work: Callable[[Settings], Awaitable[Result]]) -> Result:
    """Read the settings and run the work; what goes wrong ends the command in a sentence."""
    try:
        return asyncio.run(_with_settings(data_dir, work))
    except SettingError as error:
        stop(str(error), code=2)
    except StoreUnusableError as error:
        stop(str(error))
    except InvalidRequest as error:
        stop(error.message, code=2)
    except GatewayError as error:
        stop(f"{error.message} {error.detail}".rstrip())


async def _with_settings(
    data_dir: str | None, work: Callable[[Settings], Awaitable[Result]]
) -> Result:
    return await work(settings_from(_environment(data_dir)))


def _environment(data_dir: str | None) -> Mapping[str, str]:
    given = {} if data_dir is None else {"LLMPROXY_DATA_DIR": data_dir}
    return {**process_environment(), **given}


def stop(message: str, *, code: int = 1) -> NoReturn:
    """End the command with this message on stderr; 1 = it failed, 2 = it was called wrongly."""
    say(message)
    raise typer.Exit(code)


def say(message: str) -> None:
    """Write a note for people: to stderr, so that stdout holds results only."""
    typer.echo(f"llmproxy: {message}", err=True)


def _warn(message: str) -> None:
    say(f"warning: {message}")
