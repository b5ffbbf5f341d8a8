"""Tokens of Google, through google-auth.

A document's `secret_name` names the JSON of a credential: a service account's key, or how a
workload's identity of another cloud is exchanged. Without it, GOOGLE_APPLICATION_CREDENTIALS names
a file with such JSON, else the application default credentials are taken: those of gcloud, of
Compute Engine, Cloud Run or GKE's workload identity. Each renewal begins anew, so that files and
secrets that were replaced are read again.
"""

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from functools import partial
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

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

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
FILE: Final = "GOOGLE_APPLICATION_CREDENTIALS"
LIMIT_S: Final = 10
OWN_HOSTS: Final = ".googleapis.com"

Info = Mapping[str, Any]
SdkCredentials = Any
"""A `google.auth.credentials.Credentials`: most of google-auth has no types."""
Make = Callable[[Any], SdkCredentials]


class NotACredential(ValueError):
    """A text is not the JSON of a Google credential; the message never repeats it."""


def google(parameters: Parameters, secrets: SecretSource, environment: Mapping[str, str]) -> Source:
    """Return where the tokens for a document come from. Raises NotACredential or SecretMissing."""
    name = parameters.secret_name
    if name is not None:
        read_info(secrets.resolve(name).expose(), f"the secret {name}")
        return _source(f"secret {name}", environment, lambda _: _from_secret(name, secrets))
    _check_host(parameters.endpoint)
    path = environment.get(FILE, "").strip()
    if path:
        return _source(f"file of {FILE}", environment, lambda _: _from_file(path))
    return _source("application default credentials", environment, _default)


def read_info(text: str, place: str) -> Info:
    """Return the JSON object of a Google credential. Raises NotACredential."""
    try:
        info = json.loads(text)
    except ValueError:
        info = None
    kind = info.get("type") if isinstance(info, dict) else None
    if isinstance(info, dict) and isinstance(kind, str) and kind in _KINDS:
        return info
    if isinstance(info, dict):
        fault = f"has a `type` that is none of {', '.join(_KINDS)}"
    elif text.startswith("AIza"):
        fault = "is an API key, which Vertex AI takes in express mode only"
    else:
        fault = "is not JSON"
    raise NotACredential(
        f"{place} {fault}: give the whole JSON of a service account's key, or of a workload"
        " identity's configuration"
    )


def _check_host(endpoint: str | None) -> None:
    """Keep the gateway's own identity from strangers. Raises NotACredential."""
    host = urlsplit(endpoint).hostname or "" if endpoint else ""
    if endpoint and not f".{host}".endswith(OWN_HOSTS) and not _is_here(host):
        raise NotACredential(
            "parameters.secret_name is missing, and the application default credentials are never"
            " sent to a host that is not Google's"
        )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_secret(name: str, secrets: SecretSource) -> SdkCredentials:
    try:
        return _made(read_info(secrets.resolve(name).expose(), f"the secret {name}"))
    except SecretMissing as error:
        raise CredentialFailed(str(error)) from None


def _from_file(path: str) -> SdkCredentials:
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise CredentialFailed(f"{FILE} cannot be read: {error.strerror}") from None
    return _made(read_info(text, f"the file of {FILE}"))


def _default(request: Any) -> SdkCredentials:  # noqa: ANN401 - google-auth's transport
    import google.auth  # noqa: PLC0415

    return google.auth.default(scopes=[SCOPE], request=request)[0]


def _made(info: Info) -> SdkCredentials:
    kind = _kind(info)
    make = getattr(import_module(kind.module).Credentials, kind.method)
    return make(info, scopes=[SCOPE]) if kind.scoped else make(info)


class _Kind(NamedTuple):
    """The class `Credentials` of a module of google-auth, and what makes it of a JSON object."""

    module: str
    method: str = "from_info"
    scoped: bool = True


_KINDS: Final[Mapping[str, _Kind]] = {
    "service_account": _Kind("google.oauth2.service_account", "from_service_account_info"),
    "external_account": _Kind("google.auth.identity_pool"),
    "impersonated_service_account": _Kind(
        "google.auth.impersonated_credentials", "from_impersonated_service_account_info"
    ),
    # A person has agreed to certain scopes: asking for others is refused.
    "authorized_user": _Kind(
        "google.oauth2.credentials", "from_authorized_user_info", scoped=False
    ),
}
"""By the `type` of the JSON, as google-auth 2.63 tells them apart (`google/auth/_default.py`).

Its general loaders are not used: they ask Google which project a workload's identity belongs to.
"""


def _kind(info: Info) -> _Kind:
    kind = _KINDS[info["type"]]
    if info["type"] != "external_account":
        return kind
    source = info.get("credential_source")
    if info.get("subject_token_type") == "urn:ietf:params:aws:token-type:aws4_request":
        return _Kind("google.auth.aws")
    if isinstance(source, dict) and "executable" in source:
        return _Kind("google.auth.pluggable")
    return kind


def _source(name: str, environment: Mapping[str, str], make: Make) -> Source:
    def fetch() -> Token:
        try:
            return _fetched(make, environment)
        except CredentialFailed:
            raise
        except ImportError:
            raise CredentialFailed("google-auth is not installed") from None
        except Exception as error:  # noqa: BLE001 - google-auth lets its transport's errors through
            raise CredentialFailed(told(error)) from None

    return Source(("google", name), f"Google, {name}", fetch)


def _fetched(make: Make, environment: Mapping[str, str]) -> Token:
    from google.auth.transport.requests import Request  # noqa: PLC0415

    quiet("google", "urllib3")
    request = Request()
    with request.session as session:
        session.verify = trusted_file(environment) or True
        bounded = partial(request, timeout=LIMIT_S)
        credentials = make(bounded)
        credentials.refresh(bounded)
    expiry = credentials.expiry
    if not credentials.token or expiry is None:
        raise CredentialFailed("an answer without a token or without its end")
    # google-auth's times are UTC without saying so.
    return Token(Secret(credentials.token), expiry.replace(tzinfo=UTC).timestamp())
