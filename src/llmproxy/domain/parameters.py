"""Reading a document's `parameters`: aliases, environment references, defaults and their checks."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from llmproxy.domain.fields import Fields
from llmproxy.domain.identity import IDENTITY_FIELDS, read_identity
from llmproxy.domain.model import Parameters
from llmproxy.domain.secret_reference import looks_literal
from llmproxy.domain.vendor import WITHOUT_DATED_API, Vendor

_REFERENCE: Final = re.compile(r"[A-Z][A-Z0-9_-]*")
_LOCATION: Final = re.compile(r"[a-z][a-z0-9-]*")
_BAD_SIGNS: Final = frozenset(' \\"<>`{|}^')
_IN_THE_VAULT: Final = "put the secret into the environment or the vault, and its name here"
_MAX_TIMEOUT_S: Final = 24 * 3600
_MAX_TOKENS: Final = 100_000_000

ALIASES: Final = {"endpoint": "api_base", "gcp_project": "project_id", "secret_name": "api_key"}
_SHARED: Final = ("endpoint", "api_version", "gcp_project", "location")
"""What may name a variable of the environment instead of standing in the document."""

_NUMBER_DEFAULTS: Final = {
    "temperature": (0, 2),
    "top_p": (0, 1),
    "frequency_penalty": (-2, 2),
    "presence_penalty": (-2, 2),
}
_KNOWN: Final = frozenset(
    {*ALIASES, *ALIASES.values(), *_SHARED, *_NUMBER_DEFAULTS, "max_tokens", "model"}
    | {"deployment_name", "enable_tools", "timeout", "max_output_tokens", "drop_unsupported"}
)


def read_parameters(
    fields: Fields, vendor: Vendor, model_type: str, environment: Mapping[str, str]
) -> Parameters:
    """Read `parameters` of a document of this vendor; what is wrong lands in `fields.findings`."""
    shared = _Shared(fields, environment)
    defaults = dict(vendor.defaults)
    if model_type in WITHOUT_DATED_API:
        defaults.pop("api_version", None)
    values = {name: shared.read(name, defaults.get(name)) for name in _SHARED}
    for name in vendor.needed:
        shared.need(name, defaults.get(name))
    _check_references(fields)
    identity = None
    known = _KNOWN
    if vendor.has_identities:
        identity = read_identity(fields, environment, shared.unresolved)
        known |= IDENTITY_FIELDS
    return Parameters(
        secret_name=None if identity else _secret_name(fields, vendor, shared),
        identity=identity,
        endpoint=values["endpoint"],
        model=fields.text("model"),
        deployment_name=fields.text("deployment_name"),
        api_version=values["api_version"],
        gcp_project=values["gcp_project"],
        location=values["location"],
        enable_tools=fields.flag("enable_tools"),
        drop_unsupported=bool(fields.flag("drop_unsupported")),
        timeout_s=_timeout_s(fields),
        max_output_tokens=fields.whole("max_output_tokens", 1, _MAX_TOKENS),
        request_defaults=_request_defaults(fields),
        extra={name: value for name, value in fields.values.items() if name not in known},
        unresolved=tuple(shared.unresolved),
    )


class _Shared:
    """Reads the parameters that may name a variable, and remembers which names led nowhere."""

    def __init__(self, fields: Fields, environment: Mapping[str, str]) -> None:
        self._fields = fields
        self._environment = environment
        self.unresolved: list[str] = []
        self.written_endpoint: str | None = None

    def read(self, name: str, default_variable: str | None) -> str | None:
        place, written = _aliased(self._fields, name)
        if self._fields.values.get(place) is None:
            return self._default(name, default_variable)
        if written is None:
            return None
        value = written
        if _REFERENCE.fullmatch(written):
            found = self._environment.get(written, "").strip()
            if not found:
                self.unresolved.append(name)
                self._fields.warn(place, f"the variable {written} is not set: not callable yet")
                return written
            value = found
        if name == "endpoint":
            self.written_endpoint = value
        return self._checked(name, place, value)

    def need(self, name: str, default_variable: str | None) -> None:
        """Complain when a field is absent; one that a variable can still fill is only warned of."""
        if self._fields.values.get(_place(self._fields, name)) is not None:
            return
        if default_variable is None:
            self._fields.problem(name, "is required")
        elif not self._environment.get(default_variable, "").strip():
            self.unresolved.append(name)
            self._fields.warn(
                name, f"is missing and {default_variable} is not set: not callable yet"
            )

    def _default(self, name: str, variable: str | None) -> str | None:
        value = self._environment.get(variable, "").strip() if variable else ""
        return self._checked(name, name, value) if value else None

    def _checked(self, name: str, place: str, value: str) -> str | None:
        fault = ""
        if name == "endpoint":
            fault = _endpoint_fault(value)
        elif name == "location" and not _LOCATION.fullmatch(value):
            fault = "must be lower-case letters, digits and hyphens, such as us-central1"
        elif name == "api_version" and not re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value):
            fault = "must be a version such as 2024-10-21 or preview"
        elif name == "gcp_project" and not re.fullmatch(r"[A-Za-z0-9.:_-]{1,128}", value):
            fault = "must be the id of a Google Cloud project"
        if not fault:
            return value
        self._fields.problem(place, fault)
        return None


def _aliased(fields: Fields, name: str) -> tuple[str, str | None]:
    """Read a field by its name or its alias: (the spelling that stands there, its value)."""
    place = _place(fields, name)
    alias = ALIASES.get(name, name)
    if fields.values.get(alias) not in (None, fields.values.get(place)):
        fields.problem(alias, f"contradicts {fields.path(name)}", "they mean the same: keep one")
    return place, fields.text(place)


def _place(fields: Fields, name: str) -> str:
    alias = ALIASES.get(name, name)
    return (
        name if fields.values.get(alias) is None or fields.values.get(name) is not None else alias
    )


def _endpoint_fault(endpoint: str) -> str:
    """Say what is wrong with an endpoint, without repeating it; empty when nothing is."""
    try:
        url = urlsplit(endpoint)
        port = url.port
    except ValueError:
        return "is not a URL"
    plain = endpoint.isascii() and endpoint.isprintable() and _BAD_SIGNS.isdisjoint(endpoint)
    faults = (
        (url.scheme not in {"http", "https"}, "must begin with http:// or https://"),
        (not url.hostname or port == 0, "must name a host"),
        ("@" in url.netloc, "must not hold credentials: name them in secret_name"),
        ("?" in endpoint or "#" in endpoint, "must not hold a query or a fragment"),
        (not plain, "must be plain ASCII without blanks, backslashes or quotes"),
    )
    return next((fault for wrong, fault in faults if wrong), "")


def _check_references(fields: Fields) -> None:
    """Refuse a secret where its name belongs: in every field that ends in `_secret_name`."""
    for name, value in fields.values.items():
        if name.endswith("_secret_name") and isinstance(value, str) and looks_literal(value):
            fields.problem(name, "looks like a secret itself", _IN_THE_VAULT)


def _secret_name(fields: Fields, vendor: Vendor, shared: _Shared) -> str | None:
    place, written = _aliased(fields, "secret_name")
    if written is None:
        absent = fields.values.get(place) is None
        return _default_secret_name(fields, vendor, shared) if absent else None
    if looks_literal(written):
        fields.problem(
            place,
            "looks like a secret itself",
            _IN_THE_VAULT,
        )
        return None
    return written


def _default_secret_name(fields: Fields, vendor: Vendor, shared: _Shared) -> str | None:
    if vendor.secret_name is None:
        return None
    if shared.written_endpoint is None or _is_own_host(shared.written_endpoint, vendor):
        return vendor.secret_name
    fields.warn(
        "secret_name",
        f"is missing, and {vendor.secret_name} is never sent to a host that is not {vendor.name}'s",
        "calls will go out without a key; name a secret if this endpoint needs one",
    )
    return None


def _is_own_host(endpoint: str, vendor: Vendor) -> bool:
    try:
        host = urlsplit(endpoint).hostname or ""
    except ValueError:
        return False
    return f".{host}".endswith(vendor.own_hosts)


def _timeout_s(fields: Fields) -> float | None:
    seconds = fields.number("timeout", 0.001, _MAX_TIMEOUT_S)
    return None if seconds is None else float(seconds)


def _request_defaults(fields: Fields) -> dict[str, float | int]:
    read = {
        name: fields.number(name, least, most) for name, (least, most) in _NUMBER_DEFAULTS.items()
    }
    read["max_tokens"] = fields.whole("max_tokens", 1, _MAX_TOKENS)
    return {name: value for name, value in read.items() if value is not None}
