"""Providers that let in only who shows a living token of an issuer."""

import time

from typing_extensions import override

from tests.simulators.answer import Answer
from tests.simulators.azure_openai import AzureOpenAISimulator
from tests.simulators.http import Request
from tests.simulators.token_endpoints import TokenSimulator
from tests.simulators.vertex_partners import PartnersSimulator

NOBODYS = "no-token-of-anybody"


def shown(issuer: TokenSimulator, request: Request) -> str:
    """The token that a request shows if it lives, else one that nobody has."""
    token = (request.header("authorization") or "").removeprefix("Bearer ")
    living = {
        each.token for each in issuer.tokens if each.issued_at + each.expires_in > time.time()
    }
    return token if token in living else NOBODYS


class GuardedAzure(AzureOpenAISimulator):
    """Azure OpenAI that takes tokens and no key."""

    def __init__(self, issuer: TokenSimulator) -> None:
        super().__init__(api_key="a-key-that-nobody-has")
        self.issuer = issuer

    @override
    def answer(self, request: Request) -> Answer:
        assert request.header("api-key") is None
        self.aad_token = shown(self.issuer, request)
        return super().answer(request)


class GuardedVertex(PartnersSimulator):
    """Vertex AI with its partners' models."""

    def __init__(self, issuer: TokenSimulator) -> None:
        super().__init__()
        self.issuer = issuer

    @override
    def answer(self, request: Request) -> Answer:
        self.partners.token = shown(self.issuer, request)
        return super().answer(request)
