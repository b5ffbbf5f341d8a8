"""From a model document as it was written to a checked `Model`, or all that is wrong with it."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from llmproxy.domain.costs import PriceError, price_from_costs
from llmproxy.domain.fields import Fields, Findings, json_kind
from llmproxy.domain.limit import read_limits
from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import Operation
from llmproxy.domain.parameters import read_parameters
from llmproxy.domain.price_review import needed_prices, review_price
from llmproxy.domain.pricing import Price
from llmproxy.domain.problem import Problem
from llmproxy.domain.routing import read_priority, read_provisioned, read_routing, read_weight
from llmproxy.domain.timeouts import read_timeouts
from llmproxy.domain.vendor import MEDIA_TYPES, VENDORS, Vendor, match

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_MAX_ID: Final = 255
CACHE_TTL_S: Final = 900.0
MAX_CACHE_TTL_S: Final = 30 * 86_400
_NOT_IN_AN_ID: Final = frozenset("/\\#?")
"""Cosmos DB takes none of these in an id: learn.microsoft.com, "Azure Cosmos DB service quotas"."""

_MEDIA: Final = frozenset({Operation.IMAGES, Operation.AUDIO_TTS, Operation.AUDIO_STT})


class DocumentError(ValueError):
    """A document is refused; `problems` holds all that is wrong, in the order of its fields."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("; ".join(problem.text for problem in problems))
        self.problems = problems


class Parsed(NamedTuple):
    """A good document, with what is probably not meant so."""

    model: Model
    warnings: tuple[str, ...]


def parse_model(document: object, *, environment: Mapping[str, str] = _NOTHING) -> Parsed:
    """Check one document (a JSON object as Python values) and read it.

    `environment` resolves parameters in capitals and gives the defaults of absent ones; secrets
    are not looked up. Unknown fields, Cosmos DB's own among them, stay in `Model.document`.

    Raises:
        DocumentError: naming all problems at once.

    """
    findings = Findings()
    if not isinstance(document, Mapping):
        raise DocumentError((Problem("", f"a document is an object, not {json_kind(document)}"),))
    fields = Fields(document, "", findings)
    fields.require("id", "name", "provider", "model_type", "parameters")
    model = _model(fields, document, environment)
    if findings.problems:
        raise DocumentError(tuple(findings.problems))
    return Parsed(model, tuple(findings.warnings))


def _model(fields: Fields, document: Mapping[str, object], environment: Mapping[str, str]) -> Model:
    identifier = _identifier(fields)
    name = fields.text("name") or ""
    vendor = _vendor(fields)
    model_type = _model_type(fields, vendor)
    projects, private = _audience(fields)
    section = fields.section("parameters")
    operations = _operations(fields, model_type)
    return Model(
        id=identifier,
        code=_code(fields, identifier),
        name=name,
        provider=vendor.name,
        model_type=model_type,
        projects=projects,
        private=private,
        parameters=read_parameters(section, vendor, model_type, environment)
        if section
        else Parameters(),
        price=_price(fields, operations),
        operations=operations,
        document=document,
        limits=read_limits(fields, "limits"),
        model_limits=read_limits(fields, "model_limits"),
        cache_ttl_s=_cache_ttl_s(fields),
        priority=read_priority(fields),
        weight=read_weight(fields),
        routing=read_routing(fields),
        provisioned=read_provisioned(fields),
        timeouts=read_timeouts(fields),
    )


def _cache_ttl_s(fields: Fields) -> float | None:
    """Read `cache`: true, false, or `{"ttl_s": seconds}`."""
    if isinstance(fields.values.get("cache"), bool):
        return CACHE_TTL_S if fields.flag("cache") else None
    section = fields.section("cache")
    if section is None:
        return None
    section.only(("ttl_s",), 'cache is true, false or {"ttl_s": seconds}')
    return section.number("ttl_s", 1, MAX_CACHE_TTL_S) or CACHE_TTL_S


def _identifier(fields: Fields) -> str:
    identifier = fields.text("id") or ""
    if len(identifier) > _MAX_ID:
        fields.problem("id", f"must be at most {_MAX_ID} characters")
    if not _NOT_IN_AN_ID.isdisjoint(identifier):
        fields.problem(
            "id", "must not hold / \\ # ?", "upstream names belong into parameters.model"
        )
    return identifier


def _code(fields: Fields, identifier: str) -> str:
    code = fields.text("code")
    if code is not None and len(code) > _MAX_ID:
        fields.problem("code", f"must be at most {_MAX_ID} characters")
    return code or identifier


_UNKNOWN_VENDOR: Final = Vendor("", ())
_BY_NAME: Final = {vendor.name: vendor for vendor in VENDORS}
_MODEL_TYPES: Final = tuple(model_type for each in VENDORS for model_type in each.model_types)
_OPERATIONS: Final = {operation.value: operation for operation in Operation}


def _vendor(fields: Fields) -> Vendor:
    written = fields.text("provider")
    if written is None:
        return _UNKNOWN_VENDOR
    return _BY_NAME.get(_spelled(fields, "provider", written, _BY_NAME), _UNKNOWN_VENDOR)


def _model_type(fields: Fields, vendor: Vendor) -> str:
    written = fields.text("model_type")
    if written is None:
        return ""
    found = _spelled(fields, "model_type", written, _MODEL_TYPES)
    if found and vendor.model_types and found not in vendor.model_types:
        known = ", ".join(vendor.model_types)
        fields.problem(
            "model_type", f"{found} does not belong to {vendor.name}", f"{vendor.name} has {known}"
        )
    return found


def _spelled(fields: Fields, place: str, written: str, known: Collection[str]) -> str:
    if written in known:
        return written
    found = match(written, known)
    if found is None:
        fields.problem(place, "is not known", f"known are {', '.join(known)}")
        return ""
    if found != written:
        fields.warn(place, f"{written} is taken as {found}")
    return found


def _audience(fields: Fields) -> tuple[frozenset[str], bool]:
    projects = frozenset(project for _, project in fields.texts("projects") or ())
    private = fields.flag("private")
    if private is None and fields.values.get("private") is None:
        fields.warn("private", "is missing: every project may use the model")
    if private and not projects:
        fields.warn("projects", "is empty and the model is private: nobody may use it")
    return projects, bool(private)


def _operations(fields: Fields, model_type: str) -> frozenset[Operation]:
    entries = fields.texts("operations")
    found = [_spelled(fields, place, written, _OPERATIONS) for place, written in entries or ()]
    operations = frozenset(_OPERATIONS[word] for word in found if word)
    if not entries and not fields.values.get("operations"):
        fields.warn("operations", "is empty: the model cannot be asked anything")
    if model_type not in MEDIA_TYPES:
        for operation in sorted(operations & _MEDIA):
            fields.warn(
                "operations",
                f"{model_type} makes no {operation.value}; accepted",
                "images in chat need no operation of their own",
            )
    return operations


def _price(fields: Fields, operations: frozenset[Operation]) -> Price | None:
    free = bool(fields.flag("free"))
    section = fields.section("costs")
    if section is None and fields.values.get("costs") is not None:
        return None
    costs = section.values if section else {}
    try:
        price = price_from_costs(costs, free=free)
    except PriceError as error:
        fields.findings.problems.extend(error.problems)
        return None
    if price is None:
        fields.warn(
            "costs", "no price: requests will be refused", 'give prices, or say "free": true'
        )
    elif not free:
        for place, message, hint in needed_prices(costs, operations):
            fields.problem(place, message, hint)
    doubts = review_price(costs, price, operations)
    fields.findings.warnings.extend(doubt.text for doubt in doubts)
    return price
