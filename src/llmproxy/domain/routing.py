"""How the calls for a model are spread over its deployments, and who stands in when they fail.

```json
{"priority": 0, "weight": 3, "provisioned": {"spill_at": 90},
 "routing": {"strategy": "weighted", "affinity": "key", "hedge": {"after_s": 2}, "retries": 2},
 "fallbacks": {"any": ["gpt-5-mini"], "context_too_long": ["gpt-5"]}}
```

The first line is about one deployment, the others are about the model: all documents of one code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, TypeVar

from llmproxy.domain.fields import Fields, json_kind

MAX_FALLBACKS: Final = 8
"""Codes for one cause: a call makes few attempts, and each of them may be several deployments."""
MAX_RETRIES: Final = 5
RETRIES: Final = 2
MAX_PRIORITY: Final = 1000
LEAST_WEIGHT: Final = 0.001
MAX_WEIGHT: Final = 1000
MAX_HEDGE_S: Final = 600
SPILL_AT: Final = 90.0
MOST_SPILL_AT: Final = 99
_HEDGE_WORDS: Final = 'hedge is true, false or {"after_s": seconds}'
_PROVISIONED_WORDS: Final = 'provisioned is true, false or {"spill_at": percent}'


class Strategy(StrEnum):
    """Which deployment of the best priority is asked first."""

    __hash__ = str.__hash__

    WEIGHTED = "weighted"
    """Each in turn, as often as its weight says."""
    LEAST_OUTSTANDING = "least_outstanding"
    """The one with the fewest calls under way for its weight."""
    LOWEST_LATENCY = "lowest_latency"
    """Those that have begun their answers soonest of late."""
    CHEAPEST = "cheapest"
    """The one with the lowest price; of several, in turn by weight."""


class Affinity(StrEnum):
    """Which calls go to one deployment as long as it is well, because it may have cached them."""

    __hash__ = str.__hash__

    KEY = "key"
    """Those with the same `prompt_cache_key`."""
    PREFIX = "prefix"
    """Those too whose prompts begin alike."""
    OFF = "off"


class Cause(StrEnum):
    """Why other models are asked."""

    __hash__ = str.__hash__

    ANY = "any"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTER = "content_filter"
    BUSY = "busy"


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second deployment is asked when the first has said nothing for so long.

    None: for as long as 95 % of the answers take to begin.
    """

    after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Routing:
    """What the documents of a code say of the whole model. `fallbacks` are codes, in order."""

    strategy: Strategy = Strategy.WEIGHTED
    affinity: Affinity = Affinity.KEY
    hedge: Hedge | None = None
    retries: int = RETRIES
    fallbacks: Mapping[Cause, tuple[str, ...]] = field(default_factory=dict)


PLAIN: Final = Routing()
"""Of models whose documents say nothing."""


@dataclass(frozen=True, slots=True)
class Provisioned:
    """A deployment that is paid for whether it is used or not, and can be full.

    Above this share of its capacity, in percent, calls begin to go elsewhere.
    """

    spill_at: float = SPILL_AT


class Dispute(NamedTuple):
    """Two documents of one model say different things of it; what the first says holds."""

    first: str
    other: str


def read_routing(fields: Fields) -> Routing | None:
    """Read `routing` and `fallbacks` of a document; None where it states neither."""
    section = fields.section("routing")
    fallbacks = _fallbacks(fields)
    if section is None:
        return None if fallbacks is None else Routing(fallbacks=fallbacks)
    section.only(("strategy", "affinity", "hedge", "retries"))
    retries = section.whole("retries", 0, MAX_RETRIES)
    return Routing(
        _word(section, "strategy", _STRATEGIES, Strategy.WEIGHTED),
        _word(section, "affinity", _AFFINITIES, Affinity.KEY),
        _hedge(section),
        RETRIES if retries is None else retries,
        fallbacks or PLAIN.fallbacks,
    )


_STRATEGIES: Final = {each.value: each for each in Strategy}
_AFFINITIES: Final = {each.value: each for each in Affinity}
_CAUSES: Final = {each.value: each for each in Cause}
_Word = TypeVar("_Word")


def _word(fields: Fields, name: str, words: Mapping[str, _Word], default: _Word) -> _Word:
    written = fields.text(name)
    if written is None:
        return default
    found = words.get(written)
    if found is None:
        fields.problem(name, "is not known", f"known are {', '.join(words)}")
    return default if found is None else found


def _hedge(fields: Fields) -> Hedge | None:
    if isinstance(fields.values.get("hedge"), bool):
        return Hedge() if fields.flag("hedge") else None
    section = fields.section("hedge")
    if section is None:
        return None
    section.only(("after_s",), _HEDGE_WORDS)
    return Hedge(section.seconds("after_s", MAX_HEDGE_S))


def _fallbacks(fields: Fields) -> Mapping[Cause, tuple[str, ...]] | None:
    """Read `fallbacks`: codes for any cause, or an object with codes by cause."""
    written = fields.values.get("fallbacks")
    if written is None:
        return None
    own = fields.values.get("code") or fields.values.get("id")
    if isinstance(written, list | tuple):
        return {Cause.ANY: _codes(fields, "fallbacks", own)}
    if not isinstance(written, Mapping):
        fields.problem(
            "fallbacks", f"must be an array of codes or an object, not {json_kind(written)}"
        )
        return None
    section = Fields(written, fields.path("fallbacks"), fields.findings)
    found = {}
    for name in section.values:
        cause = _CAUSES.get(name)
        if cause is None:
            section.problem(name, "is not known", f"known are {', '.join(_CAUSES)}")
        else:
            found[cause] = _codes(section, name, own)
    return found


def _codes(fields: Fields, name: str, own: object) -> tuple[str, ...]:
    entries = fields.texts(name) or []
    if len(entries) > MAX_FALLBACKS:
        fields.problem(name, f"must hold at most {MAX_FALLBACKS} codes")
    codes: list[str] = []
    for place, code in entries:
        if code == own:
            fields.problem(place, "is the model itself")
        elif code in codes:
            fields.problem(place, "stands there twice")
        codes.append(code)
    return tuple(codes)


def read_provisioned(fields: Fields) -> Provisioned | None:
    """Read `provisioned`: true, false, or `{"spill_at": percent}`."""
    if isinstance(fields.values.get("provisioned"), bool):
        return Provisioned() if fields.flag("provisioned") else None
    section = fields.section("provisioned")
    if section is None:
        return None
    section.only(("spill_at",), _PROVISIONED_WORDS)
    spill_at = section.number("spill_at", 1, MOST_SPILL_AT)
    return Provisioned(SPILL_AT if spill_at is None else float(spill_at))


def read_priority(fields: Fields) -> int:
    """Read `priority`: the smaller, the sooner it is asked."""
    return fields.whole("priority", 0, MAX_PRIORITY) or 0


def read_weight(fields: Fields) -> float:
    """Read `weight`, a share beside others; 1 where nothing is said."""
    weight = fields.number("weight", LEAST_WEIGHT, MAX_WEIGHT)
    return 1.0 if weight is None else float(weight)


def first_stated(stated: Iterable[Routing | None]) -> Routing:
    """Return what holds for a model: what the first of its documents says, that says anything."""
    return next((each for each in stated if each is not None), PLAIN)


def disputes(stated: Iterable[tuple[str, Routing | None]]) -> list[Dispute]:
    """Return which documents of one model contradict the first that says anything, by their ids."""
    given = [(id_, routing) for id_, routing in stated if routing is not None]
    return [Dispute(given[0][0], id_) for id_, routing in given[1:] if routing != given[0][1]]
