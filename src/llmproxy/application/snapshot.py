"""All that a request needs to know of models and keys: immutable, swapped whole."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.domain.caller import Caller
from llmproxy.domain.limit import Limits
from llmproxy.domain.project import Project


class Index(NamedTuple):
    """Deployments by the code of their model, in order, and by their id."""

    by_code: Mapping[str, tuple[Deployment, ...]]
    by_id: Mapping[str, tuple[Deployment, ...]]

    def renewed(
        self,
        deployments: Iterable[Deployment],
        before: Collection[Deployment],
        after: Collection[Deployment],
    ) -> "Index":
        """Return the index of `deployments`, in which `after` stand for what was `before`.

        All others are as they were. Of ten thousand, most are not even looked at: they lie so far
        apart in memory that a look at each costs milliseconds.
        """
        by_id = dict(self.by_id)
        left, found = {id(each) for each in before}, dict[int, Deployment]()
        groups: dict[str, list[Deployment]] = {}
        for deployment in before:
            by_id.pop(deployment.model.id, None)
            groups[deployment.model.code] = []
        for deployment in after:
            by_id[deployment.model.id] = (deployment,)
            groups[deployment.model.code] = []
        for code in groups:
            found |= {id(each): each for each in self.by_code.get(code, ()) if id(each) not in left}
        found |= {id(each): each for each in after}
        alone = len(found) <= 1
        for deployment in found.values() if alone else deployments:
            if id(deployment) in found:
                groups[deployment.model.code].append(deployment)
        by_code = dict(self.by_code)
        for code, group in groups.items():
            if group:
                by_code[code] = tuple(group)
            else:
                by_code.pop(code, None)
        return Index(by_code, by_id)


EMPTY: Final = Index({}, {})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of the registry.

    Several deployments under one code are one model; a name is a code first, then an id. `keys`
    maps the SHA-256 of a key to its caller, revoked keys left out: the digest is what is looked up,
    so that the time a look-up takes tells nothing about the key. `keyless` is true while no key was
    ever made. `documents` are all that were read, by id, those that cannot be used too: `problems`
    says by id (or by what else names it, such as a file) why. `projects` are those with a document.
    `index` is that of the deployments, where it is there already.
    """

    deployments: tuple[Deployment, ...] = ()
    keys: Mapping[bytes, Caller] = field(default_factory=dict)
    keyless: bool = False
    documents: Mapping[str, StoredDocument] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)
    projects: Mapping[str, Project] = field(default_factory=dict)
    index: Index | None = field(default=None, repr=False)
    by_code: Mapping[str, tuple[Deployment, ...]] = field(init=False)
    by_id: Mapping[str, tuple[Deployment, ...]] = field(init=False)
    _by_key_id: Mapping[str, Caller] | None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        """Index the deployments."""
        index = self.index or EMPTY.renewed(self.deployments, (), self.deployments)
        object.__setattr__(self, "by_code", index.by_code)
        object.__setattr__(self, "by_id", index.by_id)

    def caller(self, key_id: str) -> Caller | None:
        """Return the caller whose key has this id; the keys are indexed at the first question."""
        if self._by_key_id is None:
            index = {caller.key_id: caller for caller in self.keys.values()}
            object.__setattr__(self, "_by_key_id", index)
        return (self._by_key_id or {}).get(key_id)

    def limited(self) -> Iterator[tuple[str, Limits]]:
        """Yield what has limits, named for people, with them. A look at every key: not for calls.

        A model whose document says limits of its own and of the whole model comes twice.
        """
        for caller in self.keys.values():
            if caller.limits is not None:
                yield f"key {caller.key_id}", caller.limits
        for project in self.projects.values():
            if project.limits is not None:
                yield f"project {project.id}", project.limits
        for each in self.deployments:
            for limits in (each.model.limits, each.model.model_limits):
                if limits is not None:
                    yield f"model {each.model.id}", limits


def may_use(caller: Caller, deployment: Deployment) -> bool:
    """Whether this caller may know and use this deployment."""
    model = deployment.model
    if caller.models is not None and not {model.code, model.id} & caller.models:
        return False
    return not model.private or model.visible_to(caller.project)
