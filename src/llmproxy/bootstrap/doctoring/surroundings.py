"""Checks that ask nobody else: settings, folder, files, memory, doors."""

import fcntl
import os
import resource
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

from llmproxy.application.use_cases.doctor.doors import Doors, look_at_doors
from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning
from llmproxy.application.use_cases.doctor.machine import (
    Files,
    Folder,
    Memory,
    look_at_files,
    look_at_folder,
    look_at_memory,
)
from llmproxy.application.use_cases.doctor.spelling import misspelt
from llmproxy.bootstrap.doctoring.scene import NotLoaded, Scene
from llmproxy.config import Settings, env_file
from llmproxy.config.examining import Examined, known_settings
from llmproxy.config.memory import bytes_for_bodies, usable_bytes
from llmproxy.domain.vendor import VENDORS
from llmproxy.infra.providers.credentials.threads import in_thread
from llmproxy.infra.providers.transport.proxies import Proxies

OVER_A_NETWORK: Final = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "glusterfs", "lustre", "9p", "afs")
)
"""Kinds of /proc/mounts (filesystems(5)); those of FUSE are told by their beginning."""
FUSE: Final = "fuse."
KNOWN_ELSEWHERE: Final = frozenset(
    {"AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"}
    | {"AZURE_AUTHORITY_HOST", "GOOGLE_APPLICATION_CREDENTIALS", "SSL_CERT_FILE", "SSL_CERT_DIR"}
    | {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    | {
        "AZURE_CONFIG_DIR",
        "GOOGLE_CLOUD_PROJECT",
        "AZURE_SUBSCRIPTION_ID",
        "AZURE_REGIONAL_AUTHORITY_NAME",
    }
)
"""Read by the transport and by the vendors' libraries for tokens."""
OTHERS: Final = 0o077


async def settings_check(scene: Scene, read: Examined) -> Findings:
    """Name every variable that does not fit, and those that nobody reads."""
    faults = [
        problem(fault, "mend it, or unset it: the gateway does not start") for fault in read.faults
    ]
    if not faults:
        faults.append(ok("every setting can be read"))
    known = known_settings() | KNOWN_ELSEWHERE | _of_vendors()
    names = {name for name in scene.settings.environment if name.lower() != name}
    names |= {name for name in scene.settings.environment if name.upper() in known}
    names -= {name for name in names if name.lower() in _LOWER}
    return [*faults, *misspelt(names, known, await _mentioned(scene)), *_proxy(scene.settings)]


_LOWER: Final = frozenset({"http_proxy", "https_proxy", "all_proxy", "no_proxy"})


def _of_vendors() -> frozenset[str]:
    defaults = {name for vendor in VENDORS for name in vendor.defaults.values()}
    return frozenset(defaults | {each.secret_name for each in VENDORS if each.secret_name})


async def _mentioned(scene: Scene) -> frozenset[str]:
    """Return the texts of all documents' parameters: they may name any variable."""
    try:
        snapshot = (await scene.loaded()).snapshot
    except NotLoaded:
        return frozenset()
    found: set[str] = set()
    for stored in snapshot.documents.values():
        parameters = stored.document.get("parameters")
        values = parameters.values() if isinstance(parameters, Mapping) else ()
        found |= {each for each in values if isinstance(each, str)}
    return frozenset(found)


def _proxy(settings: Settings) -> list[Finding]:
    proxies = Proxies(settings.proxies)
    found = {
        each for scheme in ("http", "https") if (each := proxies.before(scheme, "a.test", 443))
    }
    where = " and ".join(sorted(f"{each.host}:{each.port}" for each in found))
    return [ok(f"requests to providers go through the proxy {where}")] if found else []


async def folder_check(scene: Scene) -> Findings:
    """Look at the data folder; a file system that hangs holds up this check only."""
    settings = scene.settings
    folder = await in_thread(lambda: folder_at(settings), "data-folder")
    return look_at_folder(folder)


def folder_at(settings: Settings) -> Folder:
    """Look at the folder, or at the nearest one above it that is there."""
    path, journal_bytes = settings.data_dir, settings.ledger.journal_max_bytes
    exists = path.exists()
    there = next(each for each in (path, *path.absolute().parents) if each.exists())
    fault, locks = None, True
    try:
        locks = _knows_locks(there)
    except OSError as error:
        fault = f"nothing can be written there ({error.strerror})"
    mode = there.stat().st_mode if exists else 0
    return Folder(
        str(path),
        exists,
        fault,
        shutil.disk_usage(there).free,
        journal_bytes,
        locks,
        network_kind(there),
        bool(mode & OTHERS),
    )


def _knows_locks(folder: Path) -> bool:
    """Write a file without a name and lock it. Raises OSError when it cannot be written."""
    with TemporaryFile(dir=folder) as file:
        file.write(b"llmproxy doctor")
        file.flush()
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True


def network_kind(folder: Path, mounts: Path = Path("/proc/mounts")) -> str | None:
    """Return the kind of the file system below a folder if it is one over the network."""
    try:
        lines = mounts.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return None  # not Linux
    best, kind = "", ""
    wanted = f"{folder.resolve()}/"
    for line in lines:
        _, place, this, *_ = (*line.split(" "), "", "", "")
        place = place.replace("\\040", " ").rstrip("/") + "/"
        if wanted.startswith(place) and len(place) >= len(best):
            best, kind = place, this
    return kind if kind in OVER_A_NETWORK or kind.startswith(FUSE) else None


async def files_check(scene: Scene) -> Findings:
    """Compare the limit of open files with what may be open."""
    soft, hard = (
        None if each == resource.RLIM_INFINITY else each
        for each in resource.getrlimit(resource.RLIMIT_NOFILE)
    )
    settings = scene.settings
    wanted = settings.max_concurrent_requests, settings.max_upstream_connections
    return look_at_files(Files(soft, hard, *wanted))


async def memory_check(scene: Scene) -> Findings:
    """Compare the memory that may be used with what bodies and answers may take."""
    settings = scene.settings
    bodies = settings.admission.body_bytes
    if bodies is None:
        bodies = bytes_for_bodies(settings.max_body_bytes)
    kept = 0 if settings.redis is not None else 2 * settings.cache.max_bytes
    return look_at_memory(Memory(usable_bytes(), bodies, kept))


async def doors_check(scene: Scene) -> Findings:
    """Look at who is let in."""
    settings = scene.settings
    try:
        keyless: bool | None = (await scene.loaded()).snapshot.keyless
    except NotLoaded:
        keyless = None
    return look_at_doors(
        Doors(
            settings.auth,
            settings.host,
            settings.on_loopback,
            settings.stage,
            tls=settings.tls is not None,
            admin_key=settings.access.admin_key is not None,
            keyless=keyless,
            env_file_open=_open_file(env_file()),
            any_origin=settings.cross_origin.any_origin,
        )
    )


def _open_file(path: Path | None) -> str | None:
    if path is None or not path.is_file():
        return None
    return str(path) if path.stat().st_mode & OTHERS else None


async def env_file_check(path: Path | None, fault: str | None) -> Findings:
    """Say which file of variables was read."""
    if fault is not None:
        return [problem(fault, "mend the file, or name another: LLMPROXY_ENV_FILE")]
    if path is None or not os.access(path, os.R_OK):
        return [ok("no .env is read: settings come from the environment alone")]
    return [ok(f"{path} is read, under what the environment says")]


def not_looked_at() -> Findings:
    """Return what a check says that needs the registry, while that cannot be read."""
    return [warning("not looked at: the registry cannot be read", "mend the store first")]
