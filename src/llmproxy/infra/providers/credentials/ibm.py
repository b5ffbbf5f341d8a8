"""Access tokens for IBM watsonx.ai: an API key of IBM Cloud is exchanged for one.

`POST https://iam.cloud.ibm.com/identity/token` (cloud.ibm.com/docs/account, "Generating an IBM
Cloud IAM token by using an API key", 2026-11); litellm 1.110.2 does the same in
`llms/watsonx/common_utils.py`, in the middle of a request.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final

import msgspec

from llmproxy.application.interfaces.secrets import SecretMissing, SecretSource
from llmproxy.domain.model import Parameters
from llmproxy.domain.secret import Secret
from llmproxy.infra.providers.credentials.token import (
    CredentialFailed,
    Source,
    Token,
    quiet,
    told,
    trusted_file,
)

IAM: Final = "https://iam.cloud.ibm.com/identity/token"
GRANT: Final = "urn:ibm:params:oauth:grant-type:apikey"
LIMIT_S: Final = 10
OWN_TOKENS: Final = ("token_secret_name", "zen_api_key_secret_name")


class _Answer(msgspec.Struct):
    """`expiration` is in unix seconds."""

    access_token: str
    expiration: float


def ibm(
    parameters: Parameters, secrets: SecretSource, environment: Mapping[str, str]
) -> Source | None:
    """Return where a document's tokens come from.

    None for other providers than watsonx, and for a document with a token of its own. Raises
    ValueError or SecretMissing.
    """
    extra = parameters.extra
    name = parameters.secret_name
    if not str(extra.get("litellm_model", "")).startswith("watsonx/"):
        return None
    if name is None or any(each in extra for each in OWN_TOKENS):
        return None
    secrets.resolve(name)
    place = extra.get("iam_endpoint", IAM)
    if not isinstance(place, str) or not place.startswith(("https://", "http://127.0.0.1:")):
        raise ValueError("parameters.iam_endpoint must be an address that begins with https://")

    def fetch() -> Token:
        try:
            key = secrets.resolve(name)
        except SecretMissing as error:
            raise CredentialFailed(str(error)) from None
        try:
            return _fetched(place, key, environment)
        except CredentialFailed:
            raise
        except Exception as error:  # noqa: BLE001 - requests lets errors of many libraries through
            raise CredentialFailed(told(error, (key,))) from None

    return Source(("watsonx", place, name), f"IBM Cloud, secret {name}", fetch)


def _fetched(place: str, key: Secret, environment: Mapping[str, str]) -> Token:
    requests: Any = import_module("requests")
    quiet("urllib3")
    answer = requests.post(
        place,
        data={"grant_type": GRANT, "apikey": key.expose()},
        headers={"accept": "application/json"},
        timeout=LIMIT_S,
        verify=trusted_file(environment) or True,
        allow_redirects=False,
    )
    if answer.status_code != 200:
        raise CredentialFailed(f"IBM Cloud answered with HTTP {answer.status_code}")
    try:
        said = msgspec.json.decode(answer.content, type=_Answer)
    except msgspec.MsgspecError:
        raise CredentialFailed("IBM Cloud's answer holds no token") from None
    return Token(Secret(said.access_token), said.expiration)
