"""The administration of projects in its own words."""

from typing import Literal

from pydantic import BaseModel, Field

from llmproxy.infra.schemas.admin_limits import LIMITS, LimitsObject
from llmproxy.infra.schemas.admin_models import ETAG, Strict


class ProjectDocument(Strict):
    """What is kept of a project beside its id."""

    id: str | None = Field(default=None, description="The id of the path, if given at all.")
    name: str | None = Field(default=None, description="For people.", examples=["Team A"])
    description: str | None = None
    suspended: bool | None = Field(
        default=None, description="The keys of a suspended project open nothing."
    )
    limits: LimitsObject | None = Field(
        default=None, description=f"{LIMITS} Of all its keys together."
    )
    weight: float | None = Field(
        default=None,
        description="Its share beside other projects while requests wait for room, 0.001 to 1,000. "
        "Without it 1.",
        examples=[2],
    )


class ProjectRow(BaseModel):
    """One project. It is there as soon as a key or a private model names it."""

    object: Literal["project"] = "project"
    id: str
    name: str = Field(description="The id where no name is kept.")
    description: str
    suspended: bool
    limits: LimitsObject | None = Field(description="As they stand in the document.")
    weight: float | None = Field(description="As it stands in the document; without it 1.")
    live_keys: int = Field(description="Keys of its own that are neither revoked nor expired.")
    private_models: int = Field(description="Private models that name it.")
    etag: str | None = Field(description=f"{ETAG} null while no document is kept.")
    updated_at: float | None = Field(description="Unix seconds of the document's last change.")


class ProjectRows(BaseModel):
    """A page of projects, by id."""

    object: Literal["list"] = "list"
    data: list[ProjectRow]
    has_more: bool
    last_id: str | None
