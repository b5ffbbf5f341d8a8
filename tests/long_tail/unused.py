"""A gateway with LiteLLM installed whose models need none of it: prints what of it was imported."""

import asyncio
import sys

from llmproxy.application.response_ids import ResponseIds
from llmproxy.domain.document import parse_model
from llmproxy.infra.providers.catalogue import Catalogue
from llmproxy.infra.providers.credentials.pool import Credentials
from llmproxy.infra.providers.long_tail.entry import LongTail
from llmproxy.infra.providers.transport.client import HttpClient
from llmproxy.infra.providers.transport.proxies import Proxies
from llmproxy.infra.providers.transport.target import Patience
from llmproxy.infra.secrets.environment import EnvironmentSecrets
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer
from llmproxy.infra.telemetry.clock import SystemClock
from tests.fakes.documents import document

MODELS = (
    document(provider="OpenAI", model_type="OpenAI"),
    document(provider="Anthropic", model_type="Anthropic", parameters={"secret_name": "THE_KEY"}),
)


async def main() -> None:
    """Make deployments of models that are called without it, and wait a moment."""
    secrets = EnvironmentSecrets({"THE_KEY": "k", "OPENAI_API_KEY": "k"})
    client = HttpClient(max_connections=1, proxies=Proxies({}))
    catalogue = Catalogue(
        client,
        Credentials(secrets, {}, SystemClock()),
        Patience(1.0, 1.0, 1.0, None),
        ResponseIds(Signer(bytes(KEY_BYTES))),
        LongTail(secrets, lambda: None),
    )
    for each in MODELS:
        deployment = catalogue.deployment(parse_model(each).model, 0)
        assert deployment.not_ready is None, deployment.not_ready
    await asyncio.sleep(0.2)
    await client.close()
    heavy = sorted({"litellm", "openai", "boto3", "tiktoken"} & {*sys.modules})
    sys.stdout.write(" ".join(heavy))


if __name__ == "__main__":
    asyncio.run(main())
