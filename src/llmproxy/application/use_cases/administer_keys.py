"""Keys, as administrators make, change and revoke them.

A key is shown once, when it is made: only its digest is kept.
"""

import math
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple

from llmproxy.application.interfaces import audit as record
from llmproxy.application.interfaces.administration import (
    Document,
    IssuedKey,
    KeyAdministration,
)
from llmproxy.application.interfaces.clock import Clock
from llmproxy.application.interfaces.key_repository import (
    KeyChangedError,
    KeyMissingError,
    KeyRepository,
    StoredKey,
)
from llmproxy.application.steps.change_limits import limits_patched, limits_written
from llmproxy.domain.caller import key_digest
from llmproxy.domain.errors import (
    EtagMismatch,
    GatewayError,
    InvalidRequest,
    Unavailable,
    UnknownItem,
)
from llmproxy.domain.fields import Fields, Findings
from llmproxy.domain.limit import Limits
from llmproxy.domain.project import project_fault
from llmproxy.domain.secret import Secret

KEY_START: Final = "sk-llmproxy-"
MAX_GRACE_S: Final = 30 * 24 * 3600.0
_KEY_BYTES: Final = 32
_ID_BYTES: Final = 8
_SHOWN: Final = 4
"""Random characters shown in lists: 24 of the 256 bits, enough to recognise a key by."""
_TRIES: Final = 5
_CHANGEABLE: Final = ("models", "expires_at", "limits")
_LATEST: Final = 253_402_300_799.0
"""The last second of the year 9999, the last that every calendar here can write."""


class _Rights(NamedTuple):
    """What a key may do, for how long, and how much of it."""

    models: frozenset[str] | None
    expires_at: float | None
    limits: Limits | None


class AdministerKeys(KeyAdministration):
    """Makes keys of 256 random bits, and tells the audit of each change without key or digest."""

    def __init__(
        self, keys: KeyRepository, clock: Clock, audit: record.Audit, actor: record.Actor
    ) -> None:
        self._keys = keys
        self._clock = clock
        self._audit = audit
        self._actor = actor

    async def every(self) -> list[StoredKey]:
        """Return all keys, revoked and expired ones too, oldest first."""
        return await self._keys.load_all()

    async def get(self, key_id: str) -> StoredKey:
        """Return one key. Raises UnknownItem."""
        stored = await self._keys.get(key_id)
        if stored is None:
            raise _unknown(key_id)
        return stored

    async def issue(
        self,
        *,
        project: str | None,
        models: frozenset[str] | None,
        admin: bool,
        expires_at: float | None,
        limits: Document | None = None,
    ) -> IssuedKey:
        """Make a key. Raises InvalidRequest when it would be useless or nobody's."""
        if project is None and not admin:
            raise _invalid("project", "is required: only an admin key can do without")
        fault = "" if project is None else project_fault(project)
        if fault:
            raise _invalid("project", fault)
        findings = Findings()
        rights = _Rights(models, expires_at, limits_written(limits, findings))
        _refuse(findings)
        _check_rights(rights, self._clock.now())
        return await self._make(project, rights, admin=admin)

    async def patch(self, key_id: str, patch: Document, *, etag: str | None) -> StoredKey:
        """Change `models`, `expires_at` or `limits`; null lifts a limit."""
        strange = sorted(set(patch) - set(_CHANGEABLE))
        if strange:
            raise _invalid(strange[0], f"cannot be changed; {', '.join(_CHANGEABLE)} can")

        def changed(present: StoredKey) -> StoredKey:
            _check_not_revoked(present)
            rights = _read(patch, present)
            if (rights.models, rights.expires_at) != (present.models, present.expires_at):
                _check_rights(rights, self._clock.now())
            return replace(present, **rights._asdict())

        return await self._change(key_id, "changed", changed, etag=etag)

    async def rotate(self, key_id: str, *, grace_s: float) -> IssuedKey:
        """Make the successor of a live key, which ends when the grace does, if not before.

        The new key is there before the old one is limited: no moment is without a valid one.
        """
        if not 0 <= grace_s <= MAX_GRACE_S:
            raise _invalid("grace_s", f"must be between 0 and {MAX_GRACE_S:,.0f} seconds")
        old = await self.get(key_id)
        self._check_rotatable(old)
        rights = _Rights(old.models, old.expires_at, old.limits)
        issued = await self._make(old.project, rights, admin=old.admin, replaces=old.id)
        until = self._clock.now() + grace_s

        def limited(present: StoredKey) -> StoredKey:
            self._check_rotatable(present)
            ends = until if present.expires_at is None else min(present.expires_at, until)
            return replace(present, expires_at=ends)

        try:
            await self._change(key_id, "rotated", limited, etag=None)
        except GatewayError:
            with suppress(GatewayError):  # nobody has seen the new key: it must not stay valid
                await self.revoke(issued.stored.id)
            raise
        return issued

    async def revoke(self, key_id: str) -> StoredKey:
        """Take a key out of use. The first revocation counts."""
        present = await self.get(key_id)
        if present.revoked_at is not None:
            return present
        now = self._clock.now()
        after = replace(present, revoked_at=now)
        try:
            if not await self._keys.revoke(key_id, now):
                raise _unknown(key_id)
        except Unavailable:
            self._record("unconfirmed", present, after)
            raise
        self._record("revoked", present, after)
        return after

    async def _make(
        self, project: str | None, rights: _Rights, *, admin: bool, replaces: str | None = None
    ) -> IssuedKey:
        key = KEY_START + secrets.token_urlsafe(_KEY_BYTES)
        stored = StoredKey(
            id=f"key_{secrets.token_hex(_ID_BYTES)}",
            digest=key_digest(key.encode()),
            prefix=key[: len(KEY_START) + _SHOWN],
            project=project,
            models=rights.models,
            admin=admin,
            created_at=self._clock.now(),
            expires_at=rights.expires_at,
            replaces=replaces,
            limits=rights.limits,
        )
        try:
            await self._keys.add(stored)
        except Unavailable:
            self._record("unconfirmed", None, stored)
            raise
        self._record("created", None, stored)
        return IssuedKey(Secret(key), stored)

    async def _change(
        self,
        key_id: str,
        what: str,
        changed: Callable[[StoredKey], StoredKey],
        *,
        etag: str | None,
    ) -> StoredKey:
        """Keep what `changed` makes of the present key, anew when somebody else was faster."""
        for _ in range(_TRIES):
            present = await self.get(key_id)
            if etag is not None and etag != present.etag:
                break
            new = changed(present)
            if new == present:
                return present
            try:
                await self._keys.update(new, expected=present)
            except KeyChangedError:
                continue
            except KeyMissingError as error:
                raise _unknown(key_id) from error
            except Unavailable:
                self._record("unconfirmed", present, new)
                raise
            self._record(what, present, new)
            return new
        raise EtagMismatch(
            f"The key `{key_id}` has been changed since.",
            hint="Read it again and repeat the change.",
        )

    def _check_rotatable(self, key: StoredKey) -> None:
        _check_not_revoked(key)
        if not key.is_live(self._clock.now()):
            raise InvalidRequest(
                f"The key `{key.id}` has expired.", code="key_expired", hint="Issue a new one."
            )

    def _record(self, what: str, before: StoredKey | None, after: StoredKey) -> None:
        old = None if before is None else before.shown()
        self._audit.record(record.Change(self._actor, f"key.{what}", after.id, old, after.shown()))


def _read(patch: Document, present: StoredKey) -> _Rights:
    findings = Findings()
    models, expires_at, limits = present.models, present.expires_at, present.limits
    fields = Fields(patch, "", findings)
    if "models" in patch:
        named = fields.texts("models")
        models = None if named is None else frozenset(name for _, name in named)
    if "expires_at" in patch:
        read = _no_text(patch, fields)
        expires_at = None if read is None else float(read)
    if "limits" in patch:
        limits = limits_patched(limits, patch["limits"], findings)
    _refuse(findings)
    return _Rights(models, expires_at, limits)


def _refuse(findings: Findings) -> None:
    if findings.problems:
        first = findings.problems[0]
        raise InvalidRequest(
            f"Invalid {'; '.join(each.text for each in findings.problems)}.",
            param=first.field,
            code="invalid_value",
        )


def _no_text(patch: Mapping[str, object], fields: Fields) -> float | None:
    if isinstance(patch["expires_at"], str):
        fields.problem("expires_at", "must be unix seconds as a number")
        return None
    return fields.number("expires_at", 0, _LATEST)


def _check_rights(rights: _Rights, now: float) -> None:
    models, expires_at, _ = rights
    if models is not None and not models:
        raise _invalid("models", "is empty: a key for no model at all opens nothing")
    if expires_at is None:
        return
    if not math.isfinite(expires_at) or expires_at > _LATEST:
        raise _invalid("expires_at", "is no time of this calendar")
    if expires_at <= now:
        raise _invalid("expires_at", "has passed: the key would be expired already")


def _check_not_revoked(key: StoredKey) -> None:
    if key.revoked_at is not None:
        raise InvalidRequest(
            f"The key `{key.id}` is revoked, which is for good.",
            code="key_revoked",
            hint="Issue a new one.",
        )


def _unknown(key_id: str) -> UnknownItem:
    return UnknownItem(f"There is no key with the id `{key_id[:300]}`.")


def _invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{field}': it {message}.", param=field, code="invalid_value")
