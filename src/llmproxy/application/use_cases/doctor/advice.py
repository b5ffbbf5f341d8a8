"""What to do about a provider that did not answer, by the code of the gateway's error."""

from collections.abc import Mapping
from typing import Final

from llmproxy.domain.errors import GatewayError, TimedOut
from llmproxy.domain.model import Model

KEY: Final = (
    "see that {secret} holds a key of this very account or resource, that it was not replaced, and "
    "that it may use the model; try it at the provider itself with curl"
)
ROLE: Final = (
    "see that the identity has the role `Cognitive Services OpenAI User` on the resource, and that "
    "tenant, client and secret are right"
)
BY_CODE: Final[Mapping[str, str]] = {
    "upstream_credentials": KEY,
    "upstream_quota": "the account has no credit or quota left: look at its billing page",
    "upstream_misconfigured": (
        "compare endpoint, deployment_name, api_version, location and model of the document with "
        "the provider's page: llmproxy explain shows the URL"
    ),
    "rate_limit_exceeded": "the account's own limit is reached: wait, or add a deployment",
    "upstream_dns_failed": "see that the host of `endpoint` is spelt right and DNS answers here",
    "upstream_tls_failed": (
        "renew the host's certificate, or name its authority: SSL_CERT_FILE=/path/of/bundle.pem"
    ),
    "upstream_unreachable": "see that a firewall or proxy lets this machine through to it",
}
LATE: Final = (
    'give the model more time ("timeouts": {"first_token_s": 300} in its document), stream long '
    "answers, and look at the way to it: proxy, firewall, region"
)
MISSING: Final = (
    "set {secret} in the environment or .env (read at the start), as a file in SECRETS_DIR, or in "
    "the vault of AZURE_KEY_VAULT_URL"
)
"""For a secret that is not found; the others are for a provider that did not answer."""
OTHERWISE: Final = "see what the provider says; docs/failures.md lists the codes"


def advice(error: GatewayError, model: Model) -> str:
    """Return what to do when a model did not answer for this reason."""
    if isinstance(error, TimedOut):
        return LATE
    secret = model.parameters.secret_name
    if error.code == "upstream_credentials" and model.parameters.identity is not None:
        return ROLE
    words = BY_CODE.get(error.code or "", OTHERWISE)
    return words.replace("{secret}", secret or "the model's secret")
