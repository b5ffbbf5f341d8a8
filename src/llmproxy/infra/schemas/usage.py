"""The use of the gateway in words: sums, calls, and what a key sees of itself."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WHEN = "A day (UTC) such as `2026-11-01`, a time of RFC 3339, or unix seconds."
MONEY = "In units of the currency, exact: nine digits behind the point."


class CallFilter(BaseModel):
    """Which calls. A filter can be given several times: any of its values fits."""

    model_config = ConfigDict(extra="forbid")

    since: str | None = Field(
        default=None,
        description=f"From this time on. {WHEN} Without it: the first of this month, UTC.",
        examples=["2026-11-01"],
    )
    until: str | None = Field(
        default=None, description=f"Up to but without this time. {WHEN}", examples=["2026-12-01"]
    )
    project: list[str] = Field(default=[], description="Whose calls.")
    key: list[str] = Field(default=[], description="The ids of keys.")
    model: list[str] = Field(default=[], description="The codes of models.")
    tag: list[str] = Field(default=[], description="Calls with any of these tags.")
    format: Literal["json", "csv", "jsonl"] = "json"


class UsageQuery(CallFilter):
    """Which calls, and how they are grouped."""

    group_by: list[str] = Field(
        default=[],
        description="Any of project, key, model, deployment, operation, outcome, day, month, tag; "
        "several times, or with commas. Without it all calls are one group.",
        examples=["project,model"],
    )


class CallQuery(CallFilter):
    """Which calls, and which part of the list."""

    limit: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="How many at most: 100 in JSON, all in CSV and JSON lines unless it is given.",
    )
    after: str | None = Field(
        default=None, description="The `last_id` of the page before, of the same `order`."
    )
    order: Literal["asc", "desc"] = Field(
        default="asc", description="By time: `asc` begins with the oldest, `desc` with the newest."
    )


class UsageSum(BaseModel):
    """What the calls of one group used, in one currency. The fields of the group stand before."""

    model_config = ConfigDict(extra="allow")

    currency: str = Field(examples=["USD"])
    requests: int
    failed: int = Field(description="With an outcome other than finished and cached.")
    cached: int
    estimated: int = Field(description="Whose tokens were counted by the gateway's own rule.")
    input_tokens: int = Field(description="All that went in, cached or not.")
    cached_input_tokens: int
    output_tokens: int = Field(description="All that came out, reasoning too.")
    reasoning_tokens: int
    images: int
    characters: int
    audio_ms: int
    cost: str = Field(description=MONEY, examples=["0.001234567"])


class UsageReport(BaseModel):
    """Sums by group; two currencies are never added up."""

    object: Literal["list"] = "list"
    since: str = Field(examples=["2026-11-01T00:00:00Z"])
    until: str | None = Field(description="null: up to now.")
    group_by: list[str]
    data: list[UsageSum]
    totals: list[UsageSum] = Field(description="Of all calls, one for each currency.")


class UsageAttempt(BaseModel):
    """One try at one deployment."""

    deployment: str
    status: int | None = Field(description="The provider's HTTP status.")
    error: str | None = Field(description="The code of its failure, null when it answered.")
    duration_s: float
    usage: dict[str, int] | None
    estimated: bool
    cost: str = Field(description=MONEY)


class UsageCall(BaseModel):
    """All that the ledger holds of one call. Nothing of what was said is kept."""

    object: Literal["usage.call"] = "usage.call"
    request_id: str
    at: str = Field(description="When it was admitted: the time at which it is counted.")
    key: str = Field(description="The id of the key; `none` without one.")
    project: str | None
    model: str
    operation: str
    deployment: str | None = Field(description="Which document answered, or was asked last.")
    outcome: Literal["finished", "failed", "refused", "aborted", "interrupted", "cached"]
    status: int | None
    error: str | None
    attempts: list[UsageAttempt]
    usage: dict[str, int] = Field(
        description="Parts that never overlap: `input_tokens` are those that no cache had."
    )
    cost: str = Field(description=MONEY)
    currency: str
    estimated: bool
    counted: bool = Field(description="Whether limits count it as a request.")
    duration_s: float
    first_content_s: float | None = Field(description="null for answers in one piece.")
    overhead_s: float = Field(description="Of the duration, what was not waiting for providers.")
    stream: bool
    tags: list[str]


class UsageCalls(BaseModel):
    """A page of calls, in the order that was asked for."""

    object: Literal["list"] = "list"
    since: str
    until: str | None
    data: list[UsageCall]
    has_more: bool
    last_id: str | None = Field(description="What `after` takes; null at the end.")


class OwnSpan(BaseModel):
    """What the caller used since a time, by model."""

    since: str
    data: list[UsageSum]
    totals: list[UsageSum]


class OwnLimit(BaseModel):
    """One limit that holds for the caller's calls."""

    scope: Literal["key", "project", "model"] = Field(description="Whose it is.")
    name: str = Field(description="The id of the key or project, or the model's code.")
    limit: str = Field(examples=["cost_per_month", "concurrent_requests"])
    currency: str | None = Field(description="Of costs; null for anything else.")
    most: int | str = Field(description=f"Costs as text. {MONEY}")
    used: int | str | None = Field(description="null for a model's: others have used it too.")
    held: int | str | None = Field(description="By calls in flight, at most.")
    left: int | str
    reset_s: float | None = Field(description="Seconds until nothing of it is used any more.")
    resets_at: float | None = Field(description="The same as unix seconds; null: never.")


class OwnUsage(BaseModel):
    """What a key, or a caller without one, used and has left."""

    object: Literal["usage"] = "usage"
    key: str | None
    project: str | None
    at: str
    day: OwnSpan
    month: OwnSpan
    limits: list[OwnLimit]
