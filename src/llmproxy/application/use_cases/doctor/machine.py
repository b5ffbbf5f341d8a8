"""Whether this machine has what the settings allow: files, memory, disk, and the right time."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from llmproxy.application.use_cases.doctor.findings import Finding, Findings, ok, problem, warning

SPARE_FILES: Final = 64
"""For the store, the journal, other workers and what is just being closed."""
NEARLY: Final = 0.9
"""A limit that is missed by less than a tenth is nothing to act on."""
GROWS: Final = 2.5
"""A chat of 8 MiB under way makes the process grow by 2.5 times its size (config/memory.py)."""
OWN_BYTES: Final = 256 * 1024 * 1024
"""What the gateway takes for itself with LiteLLM's translators loaded, rounded up."""
SKEW_S: Final = 30.0
FATAL_SKEW_S: Final = 300.0
"""Entra ID refuses assertions of a clock that is five minutes off; Cosmos DB and AWS take 15."""
SOON_DAYS: Final = 21
DAY_S: Final = 86_400
MIB: Final = 1024 * 1024


class Files(NamedTuple):
    """The limit of open files (None: none), and what may be open by the settings."""

    soft: int | None
    hard: int | None
    requests: int
    upstream: int


def look_at_files(files: Files) -> Findings:
    """Judge the limit of open files: a call has its client's connection, and one to a provider."""
    wanted = files.requests + min(files.upstream, files.requests) + SPARE_FILES
    if files.soft is None or files.soft >= wanted * NEARLY:
        have = "any number of" if files.soft is None else f"{files.soft:,}"
        return [ok(f"{have} files may be open, {wanted:,} are needed at most")]
    carried = max(0, (files.soft - SPARE_FILES) // 2)
    room = files.hard is None or files.hard >= wanted
    todo = f"ulimit -n {wanted}" if room else f"raise the hard limit (LimitNOFILE={wanted})"
    return [
        warning(
            f"{files.soft:,} files may be open: enough for {carried:,} requests at once, while "
            f"MAX_CONCURRENT_REQUESTS={files.requests:,}",
            f"{todo}, or lower MAX_CONCURRENT_REQUESTS to {carried:,}",
        )
    ]


class Memory(NamedTuple):
    """Bytes: what this process may use, and what the settings give to bodies and answers."""

    usable: int
    bodies: int
    kept_answers: int


def look_at_memory(memory: Memory) -> Findings:
    """Judge whether what the settings allow fits."""
    most = int(memory.bodies * GROWS) + memory.kept_answers + OWN_BYTES
    if most <= memory.usable:
        return [ok(f"{memory.usable // MIB:,} MiB may be used, {most // MIB:,} are needed at most")]
    return [
        warning(
            f"{memory.usable // MIB:,} MiB may be used, and the settings allow {most // MIB:,}: "
            "under load the kernel may end the process",
            "lower MAX_BODY_BYTES_IN_MEMORY, MAX_BODY_BYTES or CACHE_MAX_BYTES, or give it more",
        )
    ]


class Folder(NamedTuple):
    """The data folder as it was found. `fault` says why nothing can be written there."""

    path: str
    exists: bool
    fault: str | None
    free_bytes: int
    journal_bytes: int
    locks: bool
    network: str | None
    """The kind of a file system over the network, None where it is on a disk or not known."""
    shared_mode: bool = False
    """Whether other users of the machine may read it."""


def look_at_folder(folder: Folder) -> Findings:
    """Judge where the store and the journal are."""
    if folder.fault is not None:
        todo = "give the gateway's user the right to write there, or set LLMPROXY_DATA_DIR"
        return [problem(f"{folder.path}: {folder.fault}", todo)]
    return list(_of_folder(folder)) or [_well(folder)]


def _well(folder: Folder) -> Finding:
    state = "can be written" if folder.exists else "is not there yet and will be made"
    return ok(f"{folder.path} {state}, {folder.free_bytes // MIB:,} MiB are free")


def _of_folder(folder: Folder) -> Iterator[Finding]:
    if not folder.locks:
        yield problem(
            f"{folder.path}: its file system knows no locks, so that workers cannot see each other",
            "use a folder on a local disk: LLMPROXY_DATA_DIR",
        )
    if folder.network is not None:
        yield warning(
            f"{folder.path} is on a file system over the network ({folder.network}): SQLite's WAL "
            "does not work there, and locks may not",
            "use a local disk or a block device; the store itself can be Azure Cosmos DB",
        )
    if folder.free_bytes < folder.journal_bytes:
        yield warning(
            f"{folder.path}: {folder.free_bytes // MIB:,} MiB are free, fewer than the journal may "
            f"take (JOURNAL_MAX_BYTES, {folder.journal_bytes // MIB:,} MiB)",
            "make room, or lower JOURNAL_MAX_BYTES: a full disk refuses calls (LEDGER_FAILURE)",
        )
    if folder.shared_mode:
        yield warning(
            f"{folder.path} can be read by other users of this machine", f"chmod 700 {folder.path}"
        )


def look_at_skew(who: str, skew_s: float) -> Finding:
    """Judge how far this machine's clock is from another one's; positive: ours is ahead.

    `skew_s` is in seconds, exact to about one: HTTP's Date has no fractions (RFC 9110 §5.6.7).
    """
    way = "ahead of" if skew_s > 0 else "behind"
    said = f"the clock is {abs(skew_s):.0f} s {way} that of {who}"
    todo = "set the clock by NTP (timedatectl set-ntp true); in a container that is the host's"
    if abs(skew_s) >= FATAL_SKEW_S:
        return problem(f"{said}: tokens and signed requests are refused", todo)
    if abs(skew_s) >= SKEW_S:
        return warning(said, todo)
    return ok(f"the clock agrees with {who}")


def look_at_certificate(who: str, left_s: float) -> Finding | None:
    """Judge how long a certificate is still good; None for one that is good for long."""
    days = int(left_s // DAY_S)
    if days >= SOON_DAYS:
        return None
    return warning(
        f"the certificate of {who} ends in {days} days", "whoever runs that host must renew it"
    )
