"""A registry as one JSON document.

```
{"format": "llmproxy registry", "version": 1,
 "models": [document…], "projects": [document…],
 "keys": [{"id", "digest": 64 hex digits, "prefix", "project", "models", "admin",
           "created_at", "expires_at", "revoked_at", "replaces", "limits"?}…]}
```

A part that is absent is not spoken of: nothing is changed there.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from llmproxy.application.interfaces.key_repository import StoredKey
from llmproxy.domain.fields import Fields, Findings, json_kind
from llmproxy.domain.limit import read_limits
from llmproxy.domain.problem import Problem

FORMAT: Final = "llmproxy registry"
VERSION: Final = 1
_PARTS: Final = ("models", "projects", "keys")
_KEY_FIELDS: Final = frozenset(
    {"id", "digest", "prefix", "project", "models", "admin", "created_at", "expires_at"}
    | {"revoked_at", "replaces", "limits"}
)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_LATEST: Final = 1e12


class ArchiveError(ValueError):
    """It is no archive, or not a whole one; `problems` names every fault."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Archive:
    """What a registry holds, in order of registration; None where nothing is said."""

    models: Sequence[Mapping[str, object]] | None = None
    projects: Sequence[Mapping[str, object]] | None = None
    keys: Sequence[StoredKey] | None = None

    def plain(self) -> dict[str, object]:
        """Return it as JSON values. Digests of keys are in it, keys are not."""
        found: dict[str, object] = {"format": FORMAT, "version": VERSION}
        if self.models is not None:
            found["models"] = [dict(each) for each in self.models]
        if self.projects is not None:
            found["projects"] = [dict(each) for each in self.projects]
        if self.keys is not None:
            found["keys"] = [each.kept() for each in self.keys]
        return found


def read_archive(value: object) -> Archive:
    """Read what `plain` has made. Raises ArchiveError.

    Documents need an `id`; whether they are good ones is for others to say, so that a backup can
    be restored whatever it holds.
    """
    findings = Findings()
    if not isinstance(value, Mapping) or value.get("format") != FORMAT:
        said = "" if isinstance(value, Mapping) else f", and this is {json_kind(value)}"
        raise ArchiveError((Problem("format", f'must be "{FORMAT}"{said}'),))
    if value.get("version") != VERSION:
        raise ArchiveError(
            (Problem("version", f"must be {VERSION}", "this llmproxy knows no other"),)
        )
    for name in value.keys() - {"format", "version", *_PARTS}:
        findings.problem(str(name), "is not known")
    archive = Archive(
        _documents(value, "models", findings),
        _documents(value, "projects", findings),
        _keys(value, findings),
    )
    if findings.problems:
        raise ArchiveError(tuple(findings.problems))
    return archive


def _entries(
    value: Mapping[str, object], part: str, findings: Findings
) -> list[tuple[Fields, str]] | None:
    """Return the objects of a part with their ids; None when the part is absent."""
    listed = value.get(part)
    if listed is None:
        return None
    if not isinstance(listed, list):
        findings.problem(part, f"must be an array, not {json_kind(listed)}")
        return []
    found: list[tuple[Fields, str]] = []
    seen: set[str] = set()
    for index, each in enumerate(listed):
        place = f"{part}[{index}]"
        if not isinstance(each, Mapping):
            findings.problem(place, f"must be an object, not {json_kind(each)}")
            continue
        fields = Fields(each, place, findings)
        fields.require("id")
        identifier = fields.text("id")
        if identifier in seen:
            fields.problem("id", f"{identifier} stands twice")
        elif identifier is not None:
            seen.add(identifier)
            found.append((fields, identifier))
    return found


def _documents(
    value: Mapping[str, object], part: str, findings: Findings
) -> list[Mapping[str, object]] | None:
    entries = _entries(value, part, findings)
    return None if entries is None else [fields.values for fields, _ in entries]


def _keys(value: Mapping[str, object], findings: Findings) -> list[StoredKey] | None:
    entries = _entries(value, "keys", findings)
    if entries is None:
        return None
    found: list[StoredKey] = []
    digests: set[bytes] = set()
    for fields, identifier in entries:
        key = _key(fields, identifier)
        if key is None:
            continue
        if key.digest in digests:
            fields.problem("digest", "stands twice")
        digests.add(key.digest)
        found.append(key)
    return found


def _key(fields: Fields, identifier: str) -> StoredKey | None:
    fields.require("digest", "created_at")
    for name in fields.values.keys() - _KEY_FIELDS:
        fields.problem(name, "is not known")
    digest = fields.text("digest")
    if digest is None or not _DIGEST.fullmatch(digest):
        if digest is not None:
            fields.problem("digest", "must be 64 hex digits in small letters")
        return None
    models = fields.texts("models")
    return StoredKey(
        id=identifier,
        digest=bytes.fromhex(digest),
        prefix=fields.text("prefix") or "",
        project=fields.text("project"),
        models=None if models is None else frozenset(name for _, name in models),
        admin=bool(fields.flag("admin")),
        created_at=_time(fields, "created_at") or 0.0,
        expires_at=_time(fields, "expires_at"),
        revoked_at=_time(fields, "revoked_at"),
        replaces=fields.text("replaces"),
        limits=read_limits(fields, "limits"),
    )


def _time(fields: Fields, name: str) -> float | None:
    seconds = fields.number(name, 0, _LATEST)
    return None if seconds is None else float(seconds)
