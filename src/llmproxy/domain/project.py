"""A project: whom keys belong to and models are private for.

A project exists as soon as a key or a model names it. Its document, which not every project has,
adds a name for people, and can suspend it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from llmproxy.domain.fields import Fields, Findings, json_kind
from llmproxy.domain.limit import Limits, read_limits
from llmproxy.domain.problem import Problem
from llmproxy.domain.routing import read_weight

MAX_PROJECT: Final = 255
_NOT_IN_AN_ID: Final = frozenset("/\\#?")
"""Cosmos DB takes none of these in an id: learn.microsoft.com, "Azure Cosmos DB service quotas"."""


class ProjectError(ValueError):
    """A project's document is refused; `problems` holds all that is wrong."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Project:
    """One document, read and checked: `{"id", "name"?, "suspended"?, "limits"?, "weight"? …}`."""

    id: str
    name: str
    description: str
    suspended: bool
    """The keys of a suspended project open nothing."""
    document: Mapping[str, object]
    """The document as it was written, unknown fields and all."""
    limits: Limits | None = None
    """Of all its keys together."""
    weight: float = 1.0
    """Its share beside other projects where requests wait for room."""


def parse_project(document: object) -> Project:
    """Check one document and read it. Raises ProjectError naming all problems at once."""
    findings = Findings()
    if not isinstance(document, Mapping):
        raise ProjectError((Problem("", f"a document is an object, not {json_kind(document)}"),))
    fields = Fields(document, "", findings)
    fields.require("id")
    identifier = fields.text("id") or ""
    fault = project_fault(identifier) if identifier else ""
    if fault:
        fields.problem("id", fault)
    project = Project(
        identifier,
        fields.text("name") or identifier,
        fields.text("description") or "",
        bool(fields.flag("suspended")),
        document,
        read_limits(fields, "limits"),
        read_weight(fields),
    )
    if findings.problems:
        raise ProjectError(tuple(findings.problems))
    return project


def project_fault(written: str) -> str:
    """Say what is wrong with the id of a project; empty when nothing is."""
    if not written or written != written.strip() or not written.isprintable():
        return "must not be empty nor hold blanks at its ends or control characters"
    if len(written) > MAX_PROJECT:
        return f"must be at most {MAX_PROJECT} characters"
    if not _NOT_IN_AN_ID.isdisjoint(written):
        return "must not hold / \\ # ?"
    return ""
