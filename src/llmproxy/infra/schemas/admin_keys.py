"""The administration of keys in its own words. No answer holds a digest."""

from typing import Literal

from pydantic import BaseModel, Field

from llmproxy.infra.schemas.admin_limits import LIMITS, LimitsObject
from llmproxy.infra.schemas.admin_models import ETAG, Page, Strict

EXPIRES_AT = "Unix seconds, or a time of RFC 3339 such as `2027-01-31T00:00:00Z`."
EXPIRES_IN = "A span from now on instead: `12h`, `30d`, `4w`."
DAY_S = 86_400.0


class KeyQuery(Page):
    """Which keys."""

    project: str | None = None
    state: Literal["live", "expired", "revoked"] | None = None


class NewKey(Strict):
    """The rights of a key that is to be made."""

    project: str | None = Field(
        default=None, description="Whose it is; only an admin key can do without.",
        examples=["team-a"],
    )  # fmt: skip
    models: list[str] | None = Field(
        default=None, description="Codes or ids; without it all that the project sees."
    )
    admin: bool = Field(default=False, description="May also use this administration.")
    expires_at: float | str | None = Field(default=None, description=EXPIRES_AT)
    expires_in: str | None = Field(default=None, description=EXPIRES_IN, examples=["30d"])
    limits: LimitsObject | None = Field(default=None, description=f"{LIMITS} Of this key alone.")


class KeyPatch(Strict):
    """A JSON Merge Patch: null lifts the limit, what is absent stays."""

    models: list[str] | None = Field(default=None, description="Codes or ids; null: all.")
    expires_at: float | str | None = Field(default=None, description=f"{EXPIRES_AT} null: never.")
    expires_in: str | None = Field(default=None, description=EXPIRES_IN, examples=["30d"])
    limits: LimitsObject | None = Field(
        default=None, description="Those that are named are set, null takes one away, or all."
    )


class Rotation(Strict):
    """How long the old key stays valid."""

    grace_s: float = Field(default=DAY_S, description="Seconds, 0 to 30 days.")


class KeyRow(BaseModel):
    """What is kept of a key. Times are unix seconds."""

    object: Literal["key"] = "key"
    id: str = Field(examples=["key_0f3a9c51d2e84b77"])
    prefix: str = Field(description="The first characters, to recognise it by.")
    state: Literal["live", "expired", "revoked"]
    project: str | None
    models: list[str] | None
    admin: bool
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    replaces: str | None = Field(description="The key that this one was rotated from.")
    limits: LimitsObject | None
    etag: str = Field(description=ETAG)


class IssuedKeyRow(KeyRow):
    """A new key. It is shown this once: only its digest is kept."""

    key: str = Field(description="What callers send; it cannot be shown again.")


class KeyRows(BaseModel):
    """A page of keys, oldest first."""

    object: Literal["list"] = "list"
    data: list[KeyRow]
    has_more: bool
    last_id: str | None
