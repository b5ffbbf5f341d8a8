"""How deployments are doing, in the words of administration."""

from typing import Literal

from pydantic import BaseModel, Field

from llmproxy.infra.schemas.admin_models import Page

StateWord = Literal["closed", "open", "half_open", "resting", "shedding"]


class RoutingQuery(Page):
    """Which deployments; every filter that is given must fit."""

    name: str | None = Field(default=None, description="A code or an id.")
    state: StateWord | None = None


class RoutingRow(BaseModel):
    """One deployment, as this worker of the gateway sees it. Counts begin with the worker."""

    deployment: str = Field(description="The id of its document.")
    model: str = Field(description="Its code: several documents with one are one model.")
    priority: int
    weight: float
    strategy: str = Field(description="Of the model.")
    state: StateWord = Field(
        description="`closed`: asked in its turn. `open`: it failed, others are asked before it. "
        "`half_open`: one call at a time tries it. `resting`: its provider's limit was reached. "
        "`shedding`: nearly full, a share of its calls goes elsewhere."
    )
    until: float | None = Field(description="When that ends by itself, in unix seconds.")
    outstanding: int = Field(description="Calls under way.")
    latency_s: float | None = Field(description="How soon its answers begin of late, on average.")
    p95_s: float | None = Field(
        description="How soon 95 % began, in five minutes; null before 20 answers."
    )
    load_percent: float | None = Field(description="How full it says it is, where provisioned.")
    moved_share: float = Field(description="Share of its calls that goes elsewhere, from 0 to 1.")
    answers: int
    failures: int
    refusals: int = Field(description="Failures that were limits of the provider.")
    openings: int = Field(description="How often its breaker opened.")


class RoutingRows(BaseModel):
    """A page of deployments, by id."""

    object: Literal["list"] = "list"
    data: list[RoutingRow]
    has_more: bool
    last_id: str | None
    warnings: list[str] = Field(
        description="Documents of one model that contradict one another about its routing, and "
        "fallbacks that name no model."
    )
