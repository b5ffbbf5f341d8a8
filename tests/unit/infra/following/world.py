"""A keeper over feeds of a fake store."""

from collections.abc import Collection, Mapping

from typing_extensions import override

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.feed import Feeds
from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.application.interfaces.last_good import Held, LastGood
from llmproxy.application.interfaces.secrets import SecretKeeper
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.domain.caller import Caller, key_digest
from llmproxy.domain.model import Model
from llmproxy.domain.secret import Secret
from llmproxy.infra.database.following.keeper import Options, SnapshotKeeper
from llmproxy.infra.database.following.models import Deployments
from tests.fakes.clock import FakeClock
from tests.fakes.documents import document
from tests.fakes.feeds import FakeFeed

NOW = 1_800_000_000.0


def stored(id_: str, etag: str = "1", **changes: object) -> StoredDocument:
    """A model's document."""
    return StoredDocument(id_, document(id=id_, code=None, **changes), etag, NOW)


def project(id_: str, etag: str = "1", **fields: object) -> StoredDocument:
    """A project's document."""
    return StoredDocument(id_, {"id": id_, **fields}, etag, NOW)


def key(name: str, project_id: str | None = "alpha", **changes: object) -> StoredKey:
    """A key; `name` is the key itself too."""
    fields: dict[str, object] = {
        "id": f"key_{name}", "digest": key_digest(name.encode()), "prefix": name,
        "project": project_id, "models": None, "admin": False, "created_at": NOW,
    }  # fmt: skip
    return StoredKey(**(fields | changes))  # type: ignore[arg-type]


class FakeSecrets(SecretKeeper):
    """Notes what is prepared; `news` are the references of the next `changed`."""

    def __init__(self) -> None:
        self.prepared: list[frozenset[str]] = []
        self.news: frozenset[str] = frozenset()

    @override
    def resolve(self, reference: str) -> Secret:
        return Secret(reference)

    @override
    async def prepare(self, references: Collection[str]) -> None:
        self.prepared.append(frozenset(references))

    @override
    def changed(self) -> frozenset[str]:
        news, self.news = self.news, frozenset()
        return news

    @override
    def states(self) -> dict[str, str | None]:
        return {}


class FakeLastGood(LastGood):
    """Keeps states in a list."""

    def __init__(self, held: Held | None = None) -> None:
        self.held = held
        self.saved: list[Held] = []
        self.full = False

    @override
    async def load(self) -> Held | None:
        return self.held

    @override
    async def save(self, held: Held) -> bool:
        self.saved.append(held)
        return not self.full


class World:
    """Everything around a keeper. `waits` are models that are not ready."""

    def __init__(
        self,
        *,
        last_good: LastGood | None = None,
        accept_empty: bool = False,
        always: Mapping[bytes, Caller] | None = None,
        reload_every_s: float | None = None,
    ) -> None:
        self.clock = FakeClock(NOW)
        self.models = FakeFeed[StoredDocument](lambda each: each.id, reload_every_s=reload_every_s)
        self.keys = FakeFeed[StoredKey](lambda each: each.id, reload_every_s=reload_every_s)
        self.projects = FakeFeed[StoredDocument](lambda each: each.id)
        self.registry = Registry(self.clock)
        self.secrets = FakeSecrets()
        self.built: list[str] = []
        self.waits: set[str] = set()
        self.broken = False
        self.keeper = SnapshotKeeper(
            Feeds(self.models, self.keys, self.projects),
            self.registry,
            Deployments(self.build, {}, self.secrets),
            self.clock,
            Options(last_good, accept_empty, always or {}),
        )

    def build(self, model: Model, created: int) -> Deployment:
        """Make a deployment and take note of it."""
        if self.broken:
            raise RuntimeError("an adapter crashed")
        self.built.append(model.id)
        reason = "being loaded" if model.id in self.waits else None
        return Deployment(model, None, None, reason, created)

    @property
    def ids(self) -> list[str]:
        """The models of the snapshot."""
        return [each.model.id for each in self.registry.snapshot.deployments]

    def opens(self, name: str) -> bool:
        """Whether this key is one of the snapshot's."""
        return key_digest(name.encode()) in self.registry.snapshot.keys
