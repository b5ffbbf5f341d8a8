"""The last good state of the registry in one file of the data folder.

Lines of JSON: a head, a line per item, and a last line with the SHA-256 of all before it, so that a
file that was cut or changed is never served from. Keys are there as digests, secrets as references.
"""

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from typing_extensions import override

from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.key_repository import StoredKey, limits_kept
from llmproxy.application.interfaces.last_good import Held, LastGood

logger = logging.getLogger("llmproxy.registry")

FORMAT: Final = "llmproxy last good registry"
VERSION: Final = 1
SAVE_EVERY_S: Final = 10.0
"""At most this often a state is written: of many changes in a row only some states matter."""
LINES_IN_ONE_WRITE: Final = 500
_SPOILT: Final = "it was changed or cut"


class LastGoodFile(LastGood):
    """One file, written beside and moved into its place; `place` says which store it is of."""

    def __init__(self, path: Path, place: str) -> None:
        self._path = path
        self._place = place
        self._writing = asyncio.Lock()

    @override
    async def load(self) -> Held | None:
        try:
            return await asyncio.to_thread(self._read)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.error("the last good state in %s cannot be used: %s", self._path, error)  # noqa: TRY400 - the reason is enough
            return None

    @override
    async def save(self, held: Held) -> bool:
        try:
            async with self._writing:
                await asyncio.to_thread(self._write, held)
        except (OSError, ValueError) as error:
            logger.error("the last good state cannot be kept in %s: %s", self._path, error)  # noqa: TRY400 - the reason is enough
            return False
        return True

    def _write(self, held: Held) -> None:
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                digest = sha256()
                for piece in _pieces(self._place, held):
                    digest.update(piece)
                    file.write(piece)
                file.write(_line({"sha256": digest.hexdigest()}))
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise

    def _read(self) -> Held:
        digest = sha256()
        kinds: dict[str, list[dict[str, Any]]] = {"model": [], "key": [], "project": []}
        with self._path.open("rb") as file:
            first = file.readline()
            head = _item(first)
            self._check_head(head)
            digest.update(first)
            for line in file:
                item = _item(line)
                if "sha256" in item:
                    if item["sha256"] != digest.hexdigest() or file.readline():
                        raise ValueError(_SPOILT)
                    break
                digest.update(line)
                kinds[item.pop("kind")].append(item)
            else:
                raise ValueError(_SPOILT)
        return Held(
            head["saved_at"],
            tuple(StoredDocument(**each) for each in kinds["model"]),
            tuple(_key(each) for each in kinds["key"]),
            tuple(StoredDocument(**each) for each in kinds["project"]),
        )

    def _check_head(self, head: dict[str, Any]) -> None:
        if head.get("format") != FORMAT or head.get("version") != VERSION:
            raise ValueError("it is of another program or version")
        if head.get("place") != self._place:
            raise ValueError(f"it is of another store: {head.get('place')}")


def _pieces(place: str, held: Held) -> Iterator[bytes]:
    """Yield the lines, some at a time: other threads get a turn between them."""
    head = {"format": FORMAT, "version": VERSION, "place": place, "saved_at": held.saved_at}
    yield _line(head)
    lines: list[bytes] = []
    for item in _items(held):
        lines.append(_line(item))
        if len(lines) == LINES_IN_ONE_WRITE:
            yield b"".join(lines)
            lines.clear()
    yield b"".join(lines)


def _items(held: Held) -> Iterator[dict[str, Any]]:
    for kind, documents in (("model", held.models), ("project", held.projects)):
        for stored in documents:
            yield {
                "kind": kind,
                "id": stored.id,
                "document": stored.document,
                "etag": stored.etag,
                "updated_at": stored.updated_at,
            }
    for key in held.keys:
        yield {"kind": "key", **key.kept()}


def _item(line: bytes) -> dict[str, Any]:
    try:
        item = json.loads(line)
    except ValueError as error:
        raise ValueError(_SPOILT) from error
    if not isinstance(item, dict):
        raise ValueError(_SPOILT)  # noqa: TRY004 - what a file holds
    return item


def _key(item: dict[str, Any]) -> StoredKey:
    models = None if item["models"] is None else frozenset(map(sys.intern, item["models"]))
    read = {
        "digest": bytes.fromhex(item["digest"]),
        "models": models,
        "limits": limits_kept(item.get("limits")),
    }
    return StoredKey(**{**item, **read})


def _line(item: dict[str, Any]) -> bytes:
    text = json.dumps(item, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


class Saving:
    """Keeps the newest state, not more often than every `SAVE_EVERY_S` seconds.

    Unless there is haste: what closes a door must not be forgotten by a start from this state.
    """

    def __init__(self, last_good: LastGood | None) -> None:
        self.due = False
        self._last_good = last_good
        self._not_before = 0.0

    def hurry(self) -> None:
        """Write at the next opportunity."""
        self.due = True
        self._not_before = 0.0

    async def save(self, clock: Clock, held: Callable[[], Held]) -> None:
        """Write if there is something new and it is time to; a failure is tried again."""
        if self._last_good is None or not self.due or clock.monotonic() < self._not_before:
            return
        self.due = False
        self._not_before = clock.monotonic() + SAVE_EVERY_S
        if not await self._last_good.save(held()):
            self.due = True
