"""A deployment's `litellm_params` as `parameters` of a document."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

from llmproxy.domain.litellm_config.providers import OLLAMA, Kind
from llmproxy.domain.litellm_config.references import References, variable_of
from llmproxy.domain.litellm_config.remarks import NotTakenError, Remarks

_DEFAULTS: Final = (
    *("temperature", "top_p", "frequency_penalty", "presence_penalty", "max_tokens"),
)
_LIMITS: Final = "limits per time and budgets of single deployments are not imported"
_ROLE: Final = "no role or profile of AWS is taken from the surroundings: name a key of AWS"
_ROUTING: Final = "deployments of a code are used in turn"
_LEFT_OUT: Final[Mapping[str, str]] = {
    **dict.fromkeys(("rpm", "tpm", "itpm", "otpm", "max_parallel_requests"), _LIMITS),
    **dict.fromkeys(("max_budget", "budget_duration"), _LIMITS),
    **dict.fromkeys(("default_api_key_rpm_limit", "default_api_key_tpm_limit"), _LIMITS),
    **dict.fromkeys(("weight", "order"), _ROUTING),
    **dict.fromkeys(("tags", "tag_regex"), "tags are not known here: make the model private"),
    **dict.fromkeys(
        ("aws_role_name", "aws_profile_name", "aws_session_name", "aws_web_identity_token"), _ROLE
    ),
    **dict.fromkeys(("aws_sts_endpoint", "aws_external_id", "aws_session_tags"), _ROLE),
    "stream_timeout": "there is one `timeout`, for the longest silence",
    "max_retries": "the gateway tries the other deployments of a code, each once",
    "organization": "the organization belongs to the key",
    "azure_ad_token": 'a token expires: use "auth": "entra" (docs/credentials.md)',
    "azure_username": 'signing in with a password is not offered: use "auth": "entra"',
    "azure_password": 'signing in with a password is not offered: use "auth": "entra"',
    "mock_response": "use the model type Echo for trying things out",
    "use_in_pass_through": "there are no pass-through endpoints here",
    "configurable_clientside_auth_params": "callers cannot choose address or key here",
    "extra_headers": "headers of a document are not sent",
    "headers": "headers of a document are not sent",
    "extra_body": "fields of a document are not sent, but for the defaults it knows",
}
_UNKNOWN: Final = "has no place in a document's parameters"
_REFERENCE: Final = "_secret_name"
_SECRET: Final = re.compile(r"secret|token$|password|credential|private|api_?key|access_key")
_AZURE_ROUTES: Final = ("o_series/", "gpt5_series/", "responses/")


class Params:
    """The fields of `litellm_params`, each of which is taken once; `place` names them."""

    def __init__(
        self, values: Mapping[str, object], place: str, references: References, remarks: Remarks
    ) -> None:
        self.left = {str(name): value for name, value in values.items() if value is not None}
        self.references = references
        self.remarks = remarks
        self._place = place

    def place(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self._place}.{name}"

    def take(self, name: str) -> object:
        """Return a field's value; what is left at the end is remarked on."""
        return self.left.pop(name, None)

    def text(self, name: str) -> str | None:
        """Take a text, or the variable that holds it."""
        return self.references.text(self.place(name), self.take(name))

    def secret(self, name: str, proposal: str) -> str | None:
        """Take a secret; return its name."""
        return self.references.secret(self.place(name), self.take(name), proposal)


def parameters_of(params: Params, provider: str, model: str, kind: Kind) -> dict[str, object]:
    """Return the parameters of a document. Raises NotTakenError."""
    if kind.provider == "Google":
        found = _google(params, model)
    elif kind.model_type == "AzureOpenAI":
        found = _azure(params, model, kind)
    elif kind.provider == "LiteLLM":
        found = _litellm(params, provider, model, kind)
    else:
        found = _plain(params, provider, model, kind)
    found |= _shared(params)
    if kind.provider == "LiteLLM":
        found |= _options(params, provider)
    for name in params.left:
        params.remarks.left_out(params.place(name), _LEFT_OUT.get(name, _UNKNOWN))
    return found


def _plain(params: Params, provider: str, model: str, kind: Kind) -> dict[str, object]:
    """OpenAI, its like, Anthropic and Foundry: a key, an address and a name."""
    written = params.text("api_base") or params.text("base_url")
    version = params.text("api_version") if kind.provider == "Azure" else None
    endpoint, version = _endpoint(params, written or kind.endpoint, version)
    if endpoint is None and provider not in ("openai", "text-completion-openai", "anthropic"):
        raise NotTakenError(f"{params.place('api_base')} is missing: {provider} has no address")
    if endpoint is not None and provider in OLLAMA and not endpoint.endswith("/v1"):
        endpoint = f"{endpoint.rstrip('/')}/v1"
        params.remarks.changed(params.place("api_base"), "Ollama is called at its /v1")
    identity = _identity(params) if kind.provider == "Azure" else {}
    key = params.secret("api_key", kind.key or f"{_capitals(provider)}_API_KEY")
    if key is None and not identity and kind.key:
        if written is None or kind.provider == "Azure":
            key = kind.key
        else:
            params.remarks.changed(
                params.place("api_key"),
                f"no key is sent to this address, where LiteLLM would send {kind.key}: name it in"
                " `secret_name` if that is meant",
            )
    found = {"secret_name": key, "endpoint": endpoint, "api_version": version, "model": model}
    return {name: value for name, value in found.items() if value is not None} | identity


def _azure(params: Params, model: str, kind: Kind) -> dict[str, object]:
    for route in _AZURE_ROUTES:
        model = model.removeprefix(route)
    version = params.text("api_version")
    written = params.text("api_base") or params.text("base_url")
    endpoint, version = _endpoint(params, written or kind.endpoint, version)
    if version is None:
        params.remarks.changed(
            params.place("api_version"),
            "is missing: AZURE_OPENAI_API_VERSION stands in, else Azure's v1 API is called",
        )
    identity = _identity(params)
    key = params.secret("api_key", kind.key or "") or (None if identity else kind.key)
    found = {"secret_name": key, "endpoint": endpoint, "api_version": version}
    return {
        **{name: value for name, value in found.items() if value is not None},
        **identity,
        "deployment_name": model,
    }


def _identity(params: Params) -> dict[str, object]:
    tenant, client = params.text("tenant_id"), params.text("client_id")
    secret = params.secret("client_secret", "AZURE_CLIENT_SECRET")
    scope = params.text("azure_scope")
    if not (tenant or client or secret):
        return {}
    found = {
        "auth": "entra",
        "tenant_id": tenant,
        "client_id": client,
        "client_secret_name": secret,
        "scope": scope,
    }
    return {name: value for name, value in found.items() if value is not None}


def _google(params: Params, model: str) -> dict[str, object]:
    project, location = params.text("vertex_project"), params.text("vertex_location")
    endpoint, _ = _endpoint(params, params.text("api_base"), None)
    if project is None:
        project = "VERTEXAI_PROJECT"
        params.remarks.changed(params.place("vertex_project"), f"is missing: {project} stands in")
    if location is None:
        location = "VERTEXAI_LOCATION"
        params.remarks.changed(
            params.place("vertex_location"),
            f"is missing: {location} must be set, where LiteLLM falls back on us-central1",
        )
    found = {"gcp_project": project, "location": location, "endpoint": endpoint}
    name = model.removeprefix("gemini/")
    credentials = params.take("vertex_credentials")
    if credentials is not None:
        found["secret_name"] = _google_credential(params, credentials)
    found["model"] = name
    return {name: value for name, value in found.items() if value is not None}


def _google_credential(params: Params, credentials: object) -> str | None:
    place = params.place("vertex_credentials")
    proposal = "GOOGLE_CREDENTIALS"
    if variable_of(credentials) is not None:
        name = params.references.secret(place, credentials, proposal)
        params.remarks.changed(place, f"{name} must hold the credential's JSON, not a path")
        return name
    if isinstance(credentials, str) and not credentials.lstrip().startswith("{"):
        name = params.references.name_for(credentials, proposal)
        params.remarks.to_do(place, f"names a file: set {name} to the JSON that stands in it")
        return name
    return params.references.secret(place, credentials, proposal)


def _litellm(params: Params, provider: str, model: str, kind: Kind) -> dict[str, object]:
    written = params.text("api_base") or params.text("base_url") or kind.endpoint
    endpoint, _ = _endpoint(params, written, None)
    key = params.secret("api_key", kind.key or f"{_capitals(provider)}_API_KEY")
    key = key or (None if provider == "bedrock" else kind.key)
    found = {"litellm_model": f"{provider}/{model}", "secret_name": key, "endpoint": endpoint}
    return {name: value for name, value in found.items() if value is not None}


def _options(params: Params, provider: str) -> dict[str, object]:
    """Return what LiteLLM's translator wants: under its own names, secrets by reference."""
    found: dict[str, object] = {}
    for name in [each for each in params.left if each not in _LEFT_OUT]:
        place, value = params.place(name), params.take(name)
        if _SECRET.search(name) or variable_of(value) is not None:
            proposal = name.upper() if name.startswith("aws_") else f"{_capitals(provider)}_{name}"
            reference = params.references.secret(place, value, proposal.upper())
            found[f"{name}{_REFERENCE}"] = reference
        else:
            found[name] = value
    if provider == "bedrock":
        _complete_bedrock(params, found)
    return found


def _complete_bedrock(params: Params, found: dict[str, object]) -> None:
    """LiteLLM lets AWS's library look around for a key and a region; here both are named."""
    absent = {
        "aws_access_key_id": "AWS_ACCESS_KEY_ID",
        "aws_secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "aws_region_name": "AWS_REGION_NAME",
    }
    for name, variable in absent.items():
        if name not in found and f"{name}{_REFERENCE}" not in found:
            found[f"{name}{_REFERENCE}"] = variable
            params.remarks.changed(params.place(name), f"is missing: {variable} must be set")


def _shared(params: Params) -> dict[str, object]:
    found: dict[str, object] = {}
    for name in _DEFAULTS:
        value = params.take(name)
        if value is not None:
            found[name] = value
    timeout = params.take("timeout")
    if isinstance(timeout, int | float) and not isinstance(timeout, bool):
        found["timeout"] = timeout
        params.remarks.changed(
            params.place("timeout"), "is the longest silence here, not the length of the call"
        )
    elif timeout is not None:
        params.remarks.left_out(params.place("timeout"), "only a number of seconds is taken")
    drop = params.take("drop_params")
    if drop is True:
        found["drop_unsupported"] = True
    return found


def _endpoint(
    params: Params, written: str | None, version: str | None
) -> tuple[str | None, str | None]:
    """Return an address without what a document's endpoint must not hold, and the API version."""
    if written is None or "://" not in written:
        return written, version
    bare = written.partition("?")[0]
    dated = parse_qs(urlsplit(written).query).get("api-version", [None])[0]
    for path in ("/chat/completions", "/embeddings", "/v1/messages"):
        bare = bare.rstrip("/").removesuffix(path) if path in bare else bare
    if bare != written:
        params.remarks.changed(
            params.place("api_base"), "holds the address only; path and version are added by type"
        )
    return bare, version or dated


def _capitals(provider: str) -> str:
    return re.sub(r"[^A-Z0-9]+", "_", provider.upper())
