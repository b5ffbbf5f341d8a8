"""The administration of models in its own words."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llmproxy.domain.operation import Operation
from llmproxy.infra.schemas.admin_limits import LimitsObject

EXAMPLE: dict[str, Any] = {
    "id": "gpt-4o-mini-weu",
    "code": "gpt-4o-mini",
    "name": "GPT-4o mini, West Europe",
    "provider": "Azure",
    "model_type": "AzureOpenAI",
    "private": False,
    "projects": [],
    "parameters": {
        "secret_name": "AZURE_OPENAI_API_KEY",
        "endpoint": "https://example.openai.azure.com/",
        "deployment_name": "gpt-4o-mini",
    },
    "costs": {"cost_input_1Mtokens": 0.15, "cost_output_1Mtokens": 0.6, "currency": "USD"},
    "operations": ["ChatCompletion", "Responses"],
}

ETAG = "What `If-Match` takes, quotes and all."


class Strict(BaseModel):
    """What a request may hold: nothing else, and nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Page(BaseModel):
    """Which part of a list."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=1000, description="How many at most.")
    after: str | None = Field(default=None, description="The `last_id` of the page before.")


class ModelQuery(Page):
    """Which models; every filter that is given must fit."""

    name: str | None = Field(default=None, description="A code or an id.")
    provider: str | None = Field(default=None, description="Without regard to capitals.")
    model_type: str | None = Field(default=None, description="Without regard to capitals.")
    project: str | None = Field(
        default=None, description="A project that may use it: public models fit every one."
    )
    operation: Operation | None = Field(default=None, description="What it may be asked.")
    state: Literal["ready", "not_ready", "left_out"] | None = None
    documents: bool = Field(default=False, description="Return each `document` too.")


class ModelRow(BaseModel):
    """One model document as this worker of the gateway knows it."""

    id: str
    code: str | None = Field(description="Several documents with one code are one model.")
    name: str | None
    provider: str | None
    model_type: str | None
    private: bool | None
    projects: list[str]
    operations: list[str]
    price: Literal["free", "priced", "missing"] | None
    limits: LimitsObject | None = Field(description="Of this document alone.")
    model_limits: LimitsObject | None = Field(description="Of all documents with its code.")
    cache_ttl_s: float | None = Field(
        description="How long answers are kept for the same question; null: not unless asked to."
    )
    state: Literal["ready", "not_ready", "left_out"] = Field(
        description="`left_out`: the document is not good; `not_ready`: it cannot be called now."
    )
    reason: str | None = Field(description="Why it is not ready or left out.")
    etag: str | None = Field(description=ETAG)
    updated_at: float | None = Field(description="Unix seconds of the last change.")
    document: dict[str, Any] | None = Field(
        default=None, description="As stored, secrets masked; with `documents=true` only."
    )


class ModelRows(BaseModel):
    """A page of models, by id."""

    object: Literal["list"] = "list"
    data: list[ModelRow]
    has_more: bool
    last_id: str | None


class ProviderRow(BaseModel):
    """How many model documents name a provider."""

    name: str
    models: int
    ready: int
    not_ready: int
    left_out: int


class ProviderRows(BaseModel):
    """All providers that a document names."""

    object: Literal["list"] = "list"
    data: list[ProviderRow]


class KeptModel(BaseModel):
    """A model document as it is now."""

    id: str
    etag: str = Field(description=ETAG)
    updated_at: float = Field(description="Unix seconds of this change.")
    warnings: list[str] = Field(description="What is probably not meant so.")
    document: dict[str, Any] = Field(description="As stored, secrets masked.")


class Import(Strict):
    """Documents to keep: all of them or, when one is not good, none."""

    documents: list[dict[str, Any]] = Field(max_length=100_000)
    dry_run: bool = Field(default=False, description="Only tell what would change.")


class ImportedModel(BaseModel):
    """What keeping one document did, or would do."""

    id: str
    change: Literal["added", "changed", "unchanged"]
    changed_fields: list[str] = Field(description="Top fields that differ from before.")
    warnings: list[str]


class Imported(BaseModel):
    """What an import did, or would do."""

    object: Literal["list"] = "list"
    dry_run: bool
    added: int
    changed: int
    unchanged: int
    data: list[ImportedModel]
