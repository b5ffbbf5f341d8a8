"""`POST /admin/explain`: what is asked, and the explanation."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Strict(BaseModel):
    """No other fields than these."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class Someone(Strict):
    """Whose request is explained: a key by its id, or any key of a project."""

    key_id: str | None = Field(default=None, description="As `llmproxy keys list` shows it.")
    project: str | None = None
    models: list[str] | None = Field(
        default=None, description="Codes or ids that a key of the project would be restricted to."
    )


class ExplainRequest(Strict):
    """A request, as a client would send it."""

    endpoint: str = Field(
        default="/v1/chat/completions", description="The path of an operation with a JSON body."
    )
    body: Any = Field(description="The body; its bytes are taken as they stand.")
    as_: Someone | None = Field(
        default=None, alias="as", description="Who sends it; without it, the admin key itself."
    )


class CallerShown(Strict):
    """Who calls. `key_id` null: any key of the project; `models` null: all that it sees."""

    key_id: str | None
    project: str | None
    models: list[str] | None
    admin: bool


class Failure(Strict):
    """An error as the caller would get it: its HTTP status and OpenAI's envelope."""

    status: int
    error: dict[str, Any]


class Refused(Failure):
    """`by` says what refuses: the key, the body, the model, a limit, or every adapter."""

    by: Literal["key", "body", "model", "limit", "adapter"]


class Money(Strict):
    """An amount: exact in nano-units (1e-9), and as a decimal in units of the currency."""

    currency: str
    nano: int
    amount: str


class UpstreamRequest(Strict):
    """The request that a provider would get; secrets are `*****`."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: Any = Field(
        default=None, description="The very bytes that would be sent, where they are JSON."
    )
    body_base64: str | None = Field(default=None, description="The body, where it is not JSON.")
    body_bytes: int
    further: list[Any] = Field(
        default=[], description="Bodies of more requests to the same place, sent beside the first."
    )


class CandidateShown(Strict):
    """A deployment that would be tried. `request` is null where nothing is sent, or with `refuses`.

    `changed` and `dropped` name fields of the caller's request.
    """

    deployment: str
    provider: str
    model_type: str
    turn: int = Field(description="1 is asked first, the others when those before it fail.")
    state: str = Field(description="closed (well), open, half_open, resting or shedding.")
    last_resort: bool = Field(description="Asked behind the models that stand in.")
    request: UpstreamRequest | None
    changed: list[str]
    dropped: list[str]
    refuses: Failure | None
    cost_at_most: Money
    cost_likely: Money


class LeftOutShown(Strict):
    """A deployment of this name that would not be tried."""

    deployment: str
    provider: str
    model_type: str
    code: str
    reason: str


class Tokens(Strict):
    """Bounds by the size of the request; `likely` is a rule of thumb, 4 bytes to a token."""

    prompt_at_most: int
    output_at_most: int
    prompt_likely: int
    output_likely: int


class ReservationShown(Strict):
    """What would be held until the call is settled."""

    tokens: int
    cost: Money


class LimitShown(Strict):
    """What counts the call: `used` and `held` of `most` `unit` in a scope, as it is now.

    Costs are nano-units (1e-9) of `currency`, which is empty for anything else. `reset_s` is null
    where no time gives anything back.
    """

    scope: str
    unit: str
    used: int
    most: int
    setting: str
    held: int
    currency: str
    reset_s: float | None


class StandInShown(Strict):
    """A model of `fallbacks`, asked after a failure of this kind.

    `refused` says why this caller may not use it; it is left out then.
    """

    cause: str
    model: str
    deployments: list[str]
    refused: Failure | None


class Explanation(Strict):
    """What would become of the request. Null means that it does not come so far."""

    object: Literal["explanation"] = "explanation"
    endpoint: str
    operation: str
    caller: CallerShown
    model: str | None
    stream: bool | None
    served_by: str | None = Field(description="The deployment that would answer, by its id.")
    refused: Refused | None = Field(description="What the caller would be answered instead.")
    candidates: list[CandidateShown]
    left_out: list[LeftOutShown]
    tokens: Tokens | None
    reservation: ReservationShown | None
    limits: list[LimitShown]
    stand_ins: list[StandInShown] = Field(description="Models that are asked after such failures.")
    warnings: list[str]
