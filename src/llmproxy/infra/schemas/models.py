"""`/v1/models` in OpenAI's shape, with the extra fields older clients read."""

from typing import Literal

from pydantic import BaseModel, Field


class ModelCard(BaseModel):
    """One model that the caller may use."""

    id: str = Field(description="What to send as `model`.")
    object: Literal["model"] = "model"
    created: int = Field(description="Unix seconds of the last change of its document.")
    owned_by: str = Field(description="The provider, in small letters.")
    permission: list[str] = Field(default=[], description="Always empty; kept for older clients.")
    root: str
    parent: str | None = None


class ModelList(BaseModel):
    """All models that the caller may use."""

    object: Literal["list"] = "list"
    data: list[ModelCard]
