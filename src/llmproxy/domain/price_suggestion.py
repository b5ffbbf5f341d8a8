"""Prices that a model may get from LiteLLM's table, beside those that it has.

Nothing here is applied: somebody looks at it first. Regions, zones of data and agreements of one's
own change prices, and the table knows nothing of them.
"""

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from llmproxy.domain.litellm_prices import costs_from, plain
from llmproxy.domain.model import Model
from llmproxy.domain.operation import Operation
from llmproxy.domain.price_fields import ABOVE, COST_FIELDS, FIELD_OF, TIERS

Table = Mapping[str, Mapping[str, object]]
"""LiteLLM's: a model's name, often behind its provider's, and what is known of it."""

FAR: Final = 10
"""A price that is so many times another one is probably in the other unit."""
_TWINS: Final = ("input", "output")
_DATE: Final = re.compile(r"-\d{4}-\d{2}-\d{2}$|-\d{8}$|@[\w.-]+$|-\d{3}$")


class _Place(NamedTuple):
    """Where a model type's names stand in the table, and whose entries count."""

    prefixes: tuple[str, ...]
    providers: tuple[str, ...]


_VERTEX: Final = _Place(("vertex_ai/", ""), ("vertex_ai",))
_PLACES: Final[Mapping[str, _Place]] = {
    "AzureOpenAI": _Place(("azure/",), ("azure",)),
    "AzureFoundry": _Place(("azure_ai/", "azure/"), ("azure",)),
    "OpenAI": _Place(("", "openai/"), ("openai", "text-completion-openai")),
    "Anthropic": _Place(("", "anthropic/"), ("anthropic",)),
    "LiteLLM": _Place(("",), ("",)),
}


class Difference(NamedTuple):
    """A field of `costs` as it is and as it would be; None where it is absent.

    `far` says that the two are more than ten times apart.
    """

    field: str
    now: object
    then: object
    far: bool


class Suggestion(NamedTuple):
    """`key` is the table's name for the model; `patch` changes the document (RFC 7396)."""

    model_id: str
    key: str
    differences: tuple[Difference, ...]
    patch: Mapping[str, object]


def suggestion_for(model: Model, table: Table, *, replace: bool) -> Suggestion | None:
    """Return what the table has for a model; None when it knows none or nothing would change.

    With `replace` prices that the document has are compared too, else only what it lacks is
    filled in.
    """
    key = key_of(model, table)
    offered = None if key is None else _offered(model, table[key])
    if key is None or offered is None:
        return None
    present = model.document.get("costs")
    costs = present if isinstance(present, Mapping) else {}
    if not _comparable(costs):
        return None
    found = tuple(_differences(costs, offered, replace=replace))
    if not found:
        return None
    return Suggestion(model.id, key, found, {"costs": _patch(costs, found)})


def lacks_prices(model: Model) -> bool:
    """Whether calls of an operation that the model offers are refused for want of a price."""
    price = model.price
    if price is None:
        return True
    return any(price.missing_for(operation) is not None for operation in model.operations)


def far_off(model: Model, table: Table) -> Iterator[str]:
    """Yield a warning for each price that is more than ten times off the table's."""
    suggested = suggestion_for(model, table, replace=True)
    if suggested is None:
        return
    for each in suggested.differences:
        if each.far:
            yield (
                f"costs.{each.field}: {each.now} is more than {FAR} times off {each.then}, which "
                f"LiteLLM's table has for {suggested.key}"
            )


def key_of(model: Model, table: Table) -> str | None:
    """Return the table's name of this model at this provider."""
    place = _PLACES.get(model.model_type, _VERTEX if model.provider == "Google" else None)
    if place is None or not _at_home(model):
        return None
    names = list(_names(model))
    for name in [*names, *(_DATE.sub("", name) for name in names)]:
        for prefix in place.prefixes:
            key = prefix + name
            if key in table and _is_of(table[key], place):
                return key
    return _behind_publisher(names, table, place)


def _names(model: Model) -> Iterator[str]:
    parameters = model.parameters
    for name in (
        parameters.extra.get("litellm_model"),
        parameters.extra.get("base_model"),
        parameters.model,
        parameters.deployment_name,
        model.code,
        model.id,
    ):
        if isinstance(name, str) and name:
            yield name
            if name.lower() != name:
                yield name.lower()


def _at_home(model: Model) -> bool:
    """Whether `OpenAI` means OpenAI: behind another address anybody's model may answer."""
    endpoint = model.parameters.endpoint
    if model.model_type != "OpenAI" or not endpoint:
        return True
    host = urlsplit(endpoint).hostname or ""
    return host == "openai.com" or host.endswith(".openai.com")


def _is_of(entry: Mapping[str, object], place: _Place) -> bool:
    return str(entry.get("litellm_provider", "")).startswith(place.providers)


def _behind_publisher(names: list[str], table: Table, place: _Place) -> str | None:
    """Return the one name that only has the model's publisher before it, as in `meta/llama-…`."""
    for name in names:
        found = [
            key
            for key in table
            if key.endswith(f"/{name}")
            and key.startswith(place.prefixes[0])
            and key.count("/") == 2
            and _is_of(table[key], place)
        ]
        if len(found) == 1 and place.prefixes[0]:
            return found[0]
    return None


def _offered(model: Model, entry: Mapping[str, object]) -> dict[str, object] | None:
    """Return the table's costs; those of the output are not needed where there is none."""
    offered = costs_from(entry)
    if offered is not None and model.operations == {Operation.EMBEDDINGS}:
        offered = {name: value for name, value in offered.items() if name in _OF_EMBEDDINGS}
    return offered


_OF_EMBEDDINGS: Final = frozenset(
    {
        "currency",
        "cost_input_1Mtokens",
        "cost_audio_input_1Mtokens",
        "cost_image_input_1Mtokens",
    }
)


def _comparable(costs: Mapping[str, object]) -> bool:
    """Whether the present prices, if any, are in the table's currency."""
    return costs.get("currency") in {None, "USD"} or not any(name in COST_FIELDS for name in costs)


def _differences(
    costs: Mapping[str, object], offered: Mapping[str, object], *, replace: bool
) -> Iterator[Difference]:
    for name, then in offered.items():
        if name not in COST_FIELDS:
            continue
        now = _present(costs, name)
        if now is None or (replace and Decimal(str(now)) != Decimal(str(then))):
            yield Difference(name, now, then, _far(now, then))
    tiers = offered.get(TIERS)
    now_tiers = costs.get(TIERS)
    if tiers is not None and now_tiers != tiers and (replace or not now_tiers):
        far = _far_tiers(now_tiers, tiers)
        yield Difference(TIERS, now_tiers, tiers, far)


def _present(costs: Mapping[str, object], name: str) -> object:
    """Return what a field says now, per million if it is written per thousand."""
    twin = next((each for each in _TWINS if FIELD_OF[each] == name), None)
    if costs.get(name) is not None or twin is None or costs.get(twin) is None:
        return costs.get(name)
    return plain(Decimal(str(costs[twin])) * 1000)


def _far(now: object, then: object) -> bool:
    if now is None:
        return False
    one, other = Decimal(str(now)), Decimal(str(then))
    return max(one, other) > FAR * min(one, other)


def _far_tiers(now: object, then: object) -> bool:
    """Whether a price of a tier is far off that of the tier with the same edge."""
    if not isinstance(now, list | tuple) or not isinstance(then, list | tuple):
        return False
    offered = {tier[ABOVE]: tier for tier in then}
    return any(
        _far(_present(tier, name), price)
        for tier in now
        for name, price in offered.get(tier.get(ABOVE), {}).items()
        if name in COST_FIELDS
    )


def _patch(costs: Mapping[str, object], found: tuple[Difference, ...]) -> dict[str, object]:
    """Return the change of `costs`: one spelling is left where there were two."""
    patch: dict[str, object] = {each.field: each.then for each in found}
    for twin in _TWINS:
        if FIELD_OF[twin] in patch and costs.get(twin) is not None:
            patch[twin] = None
    if costs.get("currency") is None:
        patch["currency"] = "USD"
    return patch
