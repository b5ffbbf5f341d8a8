"""`GET /v1/models` and `GET /v1/models/{id}`."""

from fastapi import APIRouter, Request

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.registry import Registry
from llmproxy.infra.controllers.credentials import credentials
from llmproxy.infra.schemas.models import ModelCard, ModelList


def model_routes(registry: Registry) -> APIRouter:
    """Return the routes; each needs a key like every other operation."""
    router = APIRouter(tags=["models"])

    @router.get("/v1/models")
    async def list_models(request: Request) -> ModelList:
        """List the models this key may use, each code once."""
        caller = registry.authenticate(*credentials(request.scope))
        cards = [_card(code, group) for code, group in registry.visible(caller).items()]
        return ModelList(data=cards)

    @router.get("/v1/models/{model:path}")
    async def retrieve_model(model: str, request: Request) -> ModelCard:
        """Return one model by code or id."""
        caller = registry.authenticate(*credentials(request.scope))
        return _card(model, registry.named(model, caller))

    return router


def _card(name: str, deployments: tuple[Deployment, ...]) -> ModelCard:
    created = min(each.created for each in deployments)
    owner = deployments[0].model.provider.lower()
    return ModelCard(id=name, created=created, owned_by=owner, root=deployments[0].model.code)
