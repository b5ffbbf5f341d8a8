"""A registered model: one deployment at one provider, as its document describes it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from llmproxy.domain.identity import Identity
from llmproxy.domain.limit import Limits
from llmproxy.domain.operation import GRANTED_BY, Operation
from llmproxy.domain.pricing import Price
from llmproxy.domain.routing import Provisioned, Routing
from llmproxy.domain.timeouts import Timeouts


@dataclass(frozen=True, slots=True)
class Parameters:
    """How to reach the model. Secrets are references here, never values."""

    secret_name: str | None = None
    """Name of the secret in the environment or the vault (`secret_name` or `api_key`)."""
    identity: Identity | None = None
    """Who the gateway is at Entra ID; None where a key is sent."""
    endpoint: str | None = None
    model: str | None = None
    deployment_name: str | None = None
    api_version: str | None = None
    gcp_project: str | None = None
    location: str | None = None
    enable_tools: bool | None = None
    drop_unsupported: bool = False
    """What the provider has no word for is left out and named, instead of refused."""
    timeout_s: float | None = None
    max_output_tokens: int | None = None
    request_defaults: Mapping[str, float | int] = field(default_factory=dict)
    """Sent for a request that does not set them: temperature, max_tokens, top_p, penalties."""
    extra: Mapping[str, object] = field(default_factory=dict)
    """Parameters with no meaning of their own here, as they stand in the document."""
    unresolved: tuple[str, ...] = ()
    """Fields that wait for an environment variable: the name of the variable stands in their place,
    or None. The model cannot be called until it is set."""


@dataclass(frozen=True, slots=True)
class Model:
    """One document, read and checked. Several models with one `code` are deployments of one."""

    id: str
    code: str
    name: str
    provider: str
    model_type: str
    projects: frozenset[str]
    private: bool
    parameters: Parameters
    price: Price | None
    """None: the document has no price and does not say it is free."""
    operations: frozenset[Operation]
    document: Mapping[str, object]
    """The document as it was written, unknown fields and all."""
    limits: Limits | None = None
    """Of this document alone."""
    model_limits: Limits | None = None
    """Of all documents with its code together."""
    cache_ttl_s: float | None = None
    """How long answers are kept for the same question; None keeps none unless a request asks."""
    priority: int = 0
    """Of several deployments of one model those with the smallest are asked first."""
    weight: float = 1.0
    """How many of the calls it gets, beside others of its priority."""
    routing: Routing | None = None
    """What the document says of all documents with its code together; None: nothing."""
    provisioned: Provisioned | None = None
    timeouts: Timeouts | None = None

    def visible_to(self, project: str | None) -> bool:
        """Whether callers of this project may know of it: a public model is visible to all."""
        return not self.private or (project is not None and project in self.projects)

    def offers(self, operation: Operation) -> bool:
        """Whether its document allows the operation; `Responses` allows chat completions too."""
        return not self.operations.isdisjoint(GRANTED_BY[operation])
