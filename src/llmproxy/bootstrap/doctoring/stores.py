"""The check of the store: SQLite's file, or the account of Azure Cosmos DB."""

import sqlite3
from contextlib import suppress
from pathlib import Path

from llmproxy.application.interfaces.store import StoreUnusableError
from llmproxy.application.use_cases.doctor.findings import (
    Finding,
    Findings,
    Level,
    ok,
    problem,
    warning,
)
from llmproxy.application.use_cases.doctor.machine import look_at_skew
from llmproxy.bootstrap.doctoring.scene import NotLoaded, Scene
from llmproxy.bootstrap.store import FILE_NAME
from llmproxy.config import CosmosSettings
from llmproxy.domain.errors import Unavailable
from llmproxy.infra.database.sqlite.inspection import Inspection, inspect
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.reaching import skew_s

AWAY = (
    "compare COSMOS_URL and COSMOS_KEY with the account's page Keys; see that its firewall lets "
    "this machine through (Networking), and that the account is there: az cosmosdb show --name "
    "ACCOUNT --resource-group GROUP"
)
ROLE = (
    "give the identity the role `Cosmos DB Built-in Data Contributor` on the account, or set a "
    "read-write COSMOS_KEY"
)


async def store_check(scene: Scene) -> Findings:
    """Look at the store, and say what hinders reading the registry."""
    found = await _store(scene)
    if not any(each.level is Level.PROBLEM for each in found):
        with suppress(NotLoaded):  # that is found already
            await scene.registry()
    return found


async def _store(scene: Scene) -> Findings:
    cosmos = scene.settings.registry.cosmos
    if cosmos is not None:
        return await _cosmos(scene, cosmos)
    path = scene.settings.data_dir / FILE_NAME
    if not path.exists():
        return [ok(f"{path} is not there yet: the gateway makes it when it starts")]
    return [await in_thread(lambda: sqlite_finding(path), "sqlite")]


def sqlite_finding(path: Path) -> Finding:
    """Judge a file; waits for the disk."""
    try:
        seen = inspect(path)
    except sqlite3.Error as error:
        return problem(
            f"{path} cannot be read: {error}",
            "see who owns it and whether the disk is well; else take the last copy of it",
        )
    return _judged(path, seen)


def _judged(path: Path, seen: Inspection) -> Finding:
    if seen.faults:
        return problem(
            f"{path} is damaged: {'; '.join(seen.faults)}",
            "stop the gateway, keep the file, and restore a copy or `llmproxy registry export`",
        )
    if not seen.ours and seen.version:
        return problem(f"{path} belongs to another program", "set LLMPROXY_DATA_DIR")
    if seen.version > seen.newest:
        return problem(
            f"{path} has schema version {seen.version}, newer than this program's {seen.newest}",
            "install the newer LLM Proxy, or use another LLMPROXY_DATA_DIR",
        )
    if seen.version < seen.newest:
        return warning(
            f"{path} has schema version {seen.version} of {seen.newest}",
            "the next start brings it up to date: copy the file first; then ask again",
        )
    return ok(f"{path} is sound, schema version {seen.version}")


async def _cosmos(scene: Scene, cosmos: CosmosSettings) -> Findings:
    from llmproxy.bootstrap.cosmos import open_account  # noqa: PLC0415 - the Azure SDK
    from llmproxy.infra.database.cosmos.inspection import (  # noqa: PLC0415
        DatedTransport,
        closed_containers,
    )

    transport = DatedTransport()
    try:
        account = await open_account(cosmos, transport)
    except StoreUnusableError as error:
        return [problem(str(error), AWAY)]
    found: list[Finding] = []
    try:
        await account.check()
        closed = await closed_containers(account)
        if closed:
            found.append(
                problem(f"{cosmos.url} lets nothing be written to {', '.join(closed)}", ROLE)
            )
        else:
            found.append(ok(f"{cosmos.url} has its containers, and they can be written"))
    except StoreUnusableError as error:
        found.append(problem(str(error), "run llmproxy registry init, or see docs/cosmos.md"))
    except Unavailable as error:
        found.append(problem(f"{error.message} {error.detail}".strip(), AWAY))
    finally:
        await account.close()
    date = transport.date
    skew = None if date is None else skew_s(date.encode(), scene.clock.now())
    return found if skew is None else [*found, look_at_skew("Azure Cosmos DB", skew)]
