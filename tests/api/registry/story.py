"""200 changes of a registry, as several administrators at once make them."""

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from tests.api.documents import document
from tests.api.registry.administrator import Administrator, echo
from tests.api.registry.line import Line
from tests.api.registry.load import chat, fault_of
from tests.api.registry.truth import ALL, EVERYWHERE_WITHIN_S, SERVED, Asked, Truth

CHANGES = 200
RECENT = 8
"""Callers ask for what has changed lately, and sometimes for what is long gone."""
STEADY = [
    Asked("steady", model, streamed) for model in ("steady", "gpt") for streamed in (False, True)
]
SPREAD_S = 2.0
SLOW_MODEL = "gpt-4.1"
"""What the slow model is called at the simulator."""


class Store(ABC):
    """The store itself, to change past every gateway."""

    changes_told_within_s = EVERYWHERE_WITHIN_S
    deletions_told_within_s = EVERYWHERE_WITHIN_S

    @abstractmethod
    async def put(self, document: dict[str, Any]) -> None:
        """Write a document, be it good or bad."""

    @abstractmethod
    async def delete(self, document: dict[str, Any]) -> None:
        """Delete it for good, without a trace."""


class Plan(NamedTuple):
    """How often stories are told, one after the other for each number, and all numbers at once.

    A life of a key is 3 changes, a move 1, all others are 4. `name` tells plans apart
    that are told one after the other.
    """

    models: Sequence[int] = ()
    keys: Sequence[int] = ()
    projects: Sequence[int] = ()
    imports: Sequence[int] = ()
    past: Sequence[int] = ()
    moves: Sequence[int] = ()
    name: str = ""


_chance: Final = random.Random()  # noqa: S311 - no secret


def choice(truth: Truth, keys: dict[str, str]) -> Callable[[], Asked]:
    """Return what says what is asked next: half of it must always be served."""

    def choose() -> Asked:
        if _chance.random() < 0.5:
            return _chance.choice(STEADY)
        recent = _chance.random() < 0.8
        whose = [who for who in truth.things("key") if who in keys]
        models = [each for each in truth.things("model") if each != "slow"]
        part = slice(-RECENT, None) if recent else slice(None)
        return Asked(
            _chance.choice(whose[part]), _chance.choice(models[part]), _chance.random() < 0.3
        )

    return choose


async def begin(admin: Administrator, simulator_url: str) -> None:
    """Make what stays as it is while everything else changes."""
    await admin.add_model("steady", "steady", "admin")
    for code, name in (("gpt", "gpt-4o"), ("slow", SLOW_MODEL)):
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": simulator_url}
        written = document(code, "OpenAI", "OpenAI", model=name, **account)
        reply = await admin.ask("POST", "/admin/models", written)
        assert reply.status == 201, reply.body
        admin.truth.always(f"model {code}", ALL)
    await admin.make_key("steady", "alpha", "gpt")
    await admin.make_key("beta", "beta", "slow")
    for thing, value in (("model steady", ALL), ("key steady", "alpha"), ("key beta", "beta")):
        admin.truth.always(thing, value)


async def tell(admins: Sequence[Administrator], store: Store, plan: Plan) -> None:
    """Make all changes of the plan, taking turns between administrators."""
    told: list[tuple[Callable[..., Any], int]] = [
        *((_model, rounds) for rounds in plan.models),
        *((_key, rounds) for rounds in plan.keys),
        *((_project, rounds) for rounds in plan.projects),
        *((_import, rounds) for rounds in plan.imports),
        *((_move, rounds) for rounds in plan.moves),
    ]
    async with asyncio.TaskGroup() as group:
        for number, (story, rounds) in enumerate(told):
            admin = admins[number % len(admins)]
            group.create_task(_again(story, admin, f"{plan.name}{number}", rounds))
        for number, rounds in enumerate(plan.past):
            group.create_task(_past(admins[0], store, f"{plan.name}{number}", rounds))


async def _again(
    story: Callable[[Administrator, str], Any], admin: Administrator, name: str, rounds: int
) -> None:
    # Not all at the same moment: changes come when they come.
    await asyncio.sleep(_chance.uniform(0, SPREAD_S))
    for each in range(rounds):
        await story(admin, f"{name}-{each}")


async def _model(admin: Administrator, name: str) -> None:
    """One model: comes, is private for a while, gets another name, goes."""
    id_, code, renamed = f"id-m{name}", f"m{name}", f"m{name}-b"
    await admin.add_model(id_, code, "steady")
    await admin.change_model(id_, code, "beta", private=True, projects=["alpha"])
    await admin.change_model(id_, renamed, "beta", before=code)
    await admin.remove_model(id_, renamed, "steady")


async def _key(admin: Administrator, name: str) -> None:
    """One key: made, replaced by another at once, which is then revoked."""
    await admin.make_key(f"k{name}", "alpha", "steady")
    await admin.rotate_key(f"k{name}", f"k{name}-b", "gpt")
    await admin.revoke_key(f"k{name}-b", "steady")


async def _project(admin: Administrator, name: str) -> None:
    """One project: suspended and resumed, with a key that was there before and stays."""
    project = f"p{name}"
    await admin.make_key(f"member-{name}", project, "steady")
    await admin.suspend(project, f"member-{name}", "steady", on=True)
    await admin.suspend(project, f"member-{name}", "gpt", on=False)
    await admin.revoke_key(f"member-{name}", "steady")


async def _import(admin: Administrator, name: str) -> None:
    """Many documents at once: new, changed, as before, gone."""
    codes = [f"i{name}-{each}" for each in range(10)]
    await admin.import_models(codes, "beta")
    await admin.import_models(codes, "beta", private=True, projects=["alpha"])
    await admin.import_models(codes, "beta", operations=["Embeddings"])
    await admin.remove_model(f"id-{codes[0]}", codes[0], "beta")


async def _move(admin: Administrator, name: str) -> None:
    """A model that is asked all the time gets another provider: another partition of Cosmos DB."""
    written = "local" if name.endswith(("0", "2")) else "Local"
    await admin.change_model("steady", "steady", "steady", provider=written)


async def _past(admin: Administrator, store: Store, name: str, rounds: int) -> None:
    """A document that is written past the gateway: good, broken, mended, deleted for good."""
    for each in range(rounds):
        code = f"past{name}-{each}"
        good = echo(f"id-{code}", code)
        bad = good | {"costs": {"currency": "shells"}, "model_type": "Oracle"}
        thing, asked = f"model {code}", Asked("steady", code)
        told_s, gone_s = store.changes_told_within_s, store.deletions_told_within_s
        for written, value in ((good, ALL), (bad, None), (good, ALL)):

            async def put(written: dict[str, Any] = written) -> None:
                await store.put(written)

            await admin.past_the_gateway(put, {thing: value}, asked, told_s)

        async def delete(written: dict[str, Any] = good) -> None:
            await store.delete(written)

        await admin.past_the_gateway(delete, {thing: None}, asked, gone_s)


async def leave_in_the_middle(admin: Administrator, url: str) -> None:
    """A request that has begun when its key is revoked is answered to its end."""
    await admin.make_key("leaving", "alpha", "slow")
    async with Line(url) as line:
        asked = Asked("leaving", "slow", streamed=True)
        stream = asyncio.create_task(chat(line, admin.keys["leaving"], asked))
        await asyncio.sleep(0.5)
        await admin.revoke_key("leaving", "steady")
        refused_at = time.monotonic()
        assert not stream.done(), "the stream was to outlast its key"
        reply = await stream
        assert (reply.status, reply.code) == SERVED
        assert fault_of(reply, streamed=True) is None
        assert time.monotonic() > refused_at
        after = await chat(line, admin.keys["leaving"], asked)
        assert after.status == 401
