"""Claude and Gemini behind a gateway that speaks OpenAI's wire: models, kinds and settings.

The upstream says the same texts as in OpenAI's own wire, in the framing of each vendor. LLM Proxy
calls Gemini as Vertex AI has it, with a service account's token; LiteLLM as AI Studio has it, with
a key: its proxy does not bring google-auth, and without a token to look up it has less to do.
"""

import json
from dataclasses import dataclass

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from bench import payload
from bench.samples import PACED, STREAM, UNARY

PROJECT, LOCATION = "bench-project", "us-central1"
TOKEN_PATH = "/token"  # noqa: S105 - a path
MODELS = {"Claude": payload.CLAUDE, "Gemini": payload.GEMINI}
"""Name for the report → model of the request."""
_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Shape:
    """One kind of measurement: which model, and in which of the ways of `bench/samples.py`."""

    vendor: str
    model: str
    mode: str


def kind_of(vendor: str, mode: str) -> str:
    """Name the kind of a sample."""
    return f"{vendor.lower()}-{mode}"


SHAPES = {
    kind_of(vendor, mode): Shape(vendor, model, mode)
    for vendor, model in MODELS.items()
    for mode in (UNARY, STREAM, PACED)
}


def our_documents(upstream: str) -> list[dict[str, object]]:
    """Make the documents of both models; the secrets are those of `our_secrets`."""
    google = {"gcp_project": PROJECT, "location": LOCATION, "secret_name": "BENCH_GOOGLE"}
    return [
        {
            "id": payload.CLAUDE,
            "name": "bench",
            "provider": "Anthropic",
            "model_type": "Anthropic",
            "private": False,
            "parameters": {"endpoint": upstream, "secret_name": "BENCH_UPSTREAM_KEY"},
            "costs": {"currency": "USD", "cost_input_1Mtokens": 3.0, "cost_output_1Mtokens": 15.0},
            "operations": ["ChatCompletion"],
        },
        {
            "id": payload.GEMINI,
            "name": "bench",
            "provider": "Google",
            "model_type": "GoogleVertex",
            "private": False,
            "parameters": {"endpoint": upstream} | google,
            "costs": {"currency": "USD", "cost_input_1Mtokens": 0.3, "cost_output_1Mtokens": 2.5},
            "operations": ["ChatCompletion"],
        },
    ]


def service_account(upstream: str) -> str:
    """Make the JSON of a service account's key whose tokens come from the upstream."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_RSA_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return json.dumps(
        {
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": "bench",
            "private_key": pem.decode(),
            "client_email": f"bench@{PROJECT}.iam.gserviceaccount.com",
            "client_id": "1",
            "token_uri": upstream + TOKEN_PATH,
        }
    )


def litellm_models(upstream: str, key: str) -> list[dict[str, object]]:
    """Make the entries of both models for LiteLLM's `model_list`."""
    claude = {"model": f"anthropic/{payload.CLAUDE}", "api_base": upstream, "api_key": key}
    gemini = {
        "model": f"gemini/{payload.GEMINI}",
        "api_base": f"{upstream}/v1beta",
        "api_key": key,
    }
    return [
        {"model_name": payload.CLAUDE, "litellm_params": claude},
        {"model_name": payload.GEMINI, "litellm_params": gemini},
    ]
