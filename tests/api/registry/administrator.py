"""Who changes the registry over `/admin`, and sees each change come true on every worker."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.api.documents import document
from tests.api.registry.line import Line, Reply
from tests.api.registry.load import chat
from tests.api.registry.truth import ALL, EVERYWHERE_WITHIN_S, MUTE, Asked, Outcome, Truth

FIRST_LOOK_S = 0.4
LOOK_EVERY_S = 0.2
Json = Mapping[str, Any]


@dataclass(slots=True)
class Changes:
    """What was changed, and how long every worker took to know."""

    count: int = 0
    lags_s: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def check(self, count: int, workers: int) -> None:
        """Raise AssertionError unless so many changes were seen by all workers."""
        assert self.count >= count, f"only {self.count} changes were made"
        assert len(self.lags_s) == workers, self.lags_s.keys()
        slowest = {worker: round(max(lags), 2) for worker, lags in self.lags_s.items()}
        assert max(slowest.values()) <= EVERYWHERE_WITHIN_S, slowest


class Administrator:
    """Makes changes one by one; each is over when all workers behave accordingly.

    `desk` is the line that changes go over, `watches` are one line per worker to look with. `keys`
    are those that callers have, by the name that is used for them in questions.
    """

    def __init__(
        self,
        desk: Line,
        admin_key: str,
        watches: Sequence[tuple[str, Line]],
        truth: Truth,
        keys: dict[str, str],
    ) -> None:
        self.truth = truth
        self.keys = keys
        self.changes = Changes()
        self._desk = desk
        self._admin_key = admin_key
        self._watches = watches
        self._ids: dict[str, str] = {}

    async def ask(self, method: str, path: str, body: object = None) -> Reply:
        """Administer; what the answer is, is the caller's business."""
        return await self._desk.ask(method, path, self._admin_key, body)

    async def make_key(self, who: str, project: str, model: str) -> None:
        """Make a key, which then asks this model."""
        sent = time.monotonic()
        row = _json(await self.ask("POST", "/admin/keys", {"project": project}), 201)
        self._hand_over(who, row)
        await self._settled({f"key {who}": project}, sent, [Asked(who, model)])

    async def rotate_key(self, who: str, successor: str, model: str) -> None:
        """Make a key in the place of one that is refused from then on."""
        sent = time.monotonic()
        path = f"/admin/keys/{self._ids[who]}/rotate"
        row = _json(await self.ask("POST", path, {"grace_s": 0}), 201)
        self._hand_over(successor, row)
        said = {f"key {who}": None, f"key {successor}": row["project"]}
        await self._settled(said, sent, [Asked(who, model), Asked(successor, model)])

    async def revoke_key(self, who: str, model: str) -> None:
        """End a key."""
        sent = time.monotonic()
        _json(await self.ask("DELETE", f"/admin/keys/{self._ids[who]}"), 200)
        await self._settled({f"key {who}": None}, sent, [Asked(who, model)])

    async def suspend(self, project: str, who: str, model: str, *, on: bool) -> None:
        """Suspend or resume a project, of which `who` is a key."""
        sent = time.monotonic()
        path = f"/admin/projects/{project}"
        _json(await self.ask("PATCH", path, {"suspended": on}), 200)
        await self._settled({f"project {project}": on}, sent, [Asked(who, model)])

    async def add_model(self, id_: str, code: str, who: str, **fields: Any) -> None:  # noqa: ANN401
        """Register an echo under a code."""
        sent = time.monotonic()
        _json(await self.ask("POST", "/admin/models", echo(id_, code, **fields)), 201)
        await self._settled({f"model {code}": value_of(fields)}, sent, [Asked(who, code)])

    async def import_models(self, codes: Sequence[str], who: str, **fields: Any) -> None:  # noqa: ANN401
        """Register, or change, many at once."""
        sent = time.monotonic()
        documents = [echo(f"id-{code}", code, **fields) for code in codes]
        _json(await self.ask("POST", "/admin/models/import", {"documents": documents}), 200)
        said = {f"model {code}": value_of(fields) for code in codes}
        await self._settled(said, sent, [Asked(who, code) for code in codes])

    async def change_model(
        self,
        id_: str,
        code: str,
        who: str,
        *,
        before: str | None = None,
        **fields: Any,  # noqa: ANN401
    ) -> None:
        """Change fields; `before` is its code so far, where that changes."""
        sent = time.monotonic()
        fields = {"private": False, "projects": [], "operations": ["ChatCompletion"], **fields}
        _json(await self.ask("PATCH", f"/admin/models/{id_}", {"code": code, **fields}), 200)
        said = {f"model {code}": value_of(fields)} | ({f"model {before}": None} if before else {})
        await self._settled(said, sent, [Asked(who, each.partition(" ")[2]) for each in said])

    async def remove_model(self, id_: str, code: str, who: str) -> None:
        """Take a model away."""
        sent = time.monotonic()
        reply = await self.ask("DELETE", f"/admin/models/{id_}")
        assert reply.status == 204, reply.body
        await self._settled({f"model {code}": None}, sent, [Asked(who, code)])

    async def past_the_gateway(
        self,
        change: Callable[[], Coroutine[Any, Any, None]],
        said: Mapping[str, Any],
        asked: Asked,
        within_s: float = EVERYWHERE_WITHIN_S,
    ) -> None:
        """Change the store itself, of which the gateway is not told."""
        sent = time.monotonic()
        await change()
        await self._settled(said, sent, [asked], within_s)

    def _hand_over(self, who: str, row: Json) -> None:
        self.keys[who], self._ids[who] = row["key"], row["id"]

    async def _settled(
        self,
        said: Mapping[str, Any],
        sent: float,
        questions: Sequence[Asked],
        within_s: float = EVERYWHERE_WITHIN_S,
    ) -> None:
        """Note what is true now, and wait until all workers answer these questions so."""
        confirmed = time.monotonic()
        for thing, value in said.items():
            self.truth.say(thing, value, sent=sent, confirmed=confirmed, within_s=within_s)
        far = confirmed + 3600.0
        wanted = [(asked, self.truth.outcomes(asked, far, far)) for asked in questions]
        await asyncio.sleep(FIRST_LOOK_S)
        async with asyncio.TaskGroup() as group:
            for where, line in self._watches:
                group.create_task(self._seen(where, line, wanted, confirmed, within_s))
        self.changes.count += 1

    async def _seen(
        self,
        where: str,
        line: Line,
        wanted: Sequence[tuple[Asked, set[Outcome]]],
        confirmed: float,
        within_s: float,
    ) -> None:
        for asked, outcomes in wanted:
            while (found := await self._outcome(line, asked)) not in outcomes:
                late_s = time.monotonic() - confirmed
                assert late_s <= within_s + LOOK_EVERY_S, (
                    f"{where} {late_s:.1f} s after a change: {asked} gets {found}, not {outcomes}"
                )
                await asyncio.sleep(LOOK_EVERY_S)
        # A change that the store tells of late by its nature has a time of its own.
        spare_s = within_s - EVERYWHERE_WITHIN_S
        self.changes.lags_s[where].append(time.monotonic() - confirmed - spare_s)

    async def _outcome(self, line: Line, asked: Asked) -> Outcome:
        reply = await chat(line, self.keys[asked.who], asked)
        return reply.status, reply.code


def echo(id_: str, code: str, **fields: Any) -> dict[str, Any]:  # noqa: ANN401
    """A model that needs no account."""
    return document(code, "Local", "Echo") | {"operations": ["ChatCompletion"], "id": id_} | fields


def value_of(fields: Json) -> object:
    """What the truth says of a model with these fields."""
    if "ChatCompletion" not in fields.get("operations", ["ChatCompletion"]):
        return MUTE
    return frozenset(fields["projects"]) if fields.get("private") else ALL


def _json(reply: Reply, status: int) -> Json:
    assert reply.status == status, f"{reply.status}: {reply.body!r}"
    found: Json = reply.json
    return found
