"""What documents say of routing: each field, its default, and every fault by its name."""

from typing import Any

import pytest

from llmproxy.domain.document import DocumentError, parse_model
from llmproxy.domain.model import Model
from llmproxy.domain.routing import (
    MAX_FALLBACKS,
    PLAIN,
    SPILL_AT,
    Affinity,
    Cause,
    Dispute,
    Hedge,
    Provisioned,
    Routing,
    Strategy,
    disputes,
    first_stated,
)
from llmproxy.domain.timeouts import Timeouts
from tests.fakes.documents import document


def read(**fields: object) -> Model:
    """The model of a document that is good, without a warning."""
    parsed = parse_model(document(**fields))
    assert parsed.warnings == ()
    return parsed.model


def faults(**fields: object) -> dict[str, str]:
    """What is wrong with a document, by field."""
    with pytest.raises(DocumentError) as caught:
        parse_model(document(**fields))
    return {problem.field: problem.text for problem in caught.value.problems}


def test_a_document_need_not_say_anything() -> None:
    """Then its deployment is like any other, and its model plain."""
    model = read()
    assert (model.priority, model.weight) == (0, 1.0)
    assert (model.routing, model.provisioned, model.timeouts) == (None, None, None)
    assert first_stated([None, None]) is PLAIN
    assert (PLAIN.strategy, PLAIN.affinity) == (Strategy.WEIGHTED, Affinity.KEY)
    assert (PLAIN.hedge, PLAIN.retries, PLAIN.fallbacks) == (None, 2, {})


def test_all_that_can_be_said() -> None:
    """Each field arrives."""
    model = read(
        priority=3,
        weight=2.5,
        routing={
            "strategy": "lowest_latency",
            "affinity": "prefix",
            "hedge": {"after_s": 1.5},
            "retries": 0,
        },
        fallbacks={
            "any": ["a"],
            "context_too_long": ["b", "c"],
            "content_filter": [],
            "busy": ["d"],
        },
        provisioned={"spill_at": 75},
        timeouts={"connect_s": 1, "first_token_s": "20", "between_tokens_s": 5.5, "total_s": 300},
    )
    assert (model.priority, model.weight) == (3, 2.5)
    assert model.routing == Routing(
        Strategy.LOWEST_LATENCY,
        Affinity.PREFIX,
        Hedge(1.5),
        0,
        {
            Cause.ANY: ("a",),
            Cause.CONTEXT_TOO_LONG: ("b", "c"),
            Cause.CONTENT_FILTER: (),
            Cause.BUSY: ("d",),
        },
    )
    assert model.provisioned == Provisioned(75.0)
    assert model.timeouts == Timeouts(1.0, 20.0, 5.5, 300.0)


@pytest.mark.parametrize(
    ("said", "meant"),
    [({"routing": {}}, PLAIN), ({"fallbacks": ["a"]}, Routing(fallbacks={Cause.ANY: ("a",)}))],
)
def test_a_part_is_enough(said: dict[str, object], meant: Routing) -> None:
    """What is left out has its default."""
    assert read(**said).routing == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [(True, Hedge()), (False, None), ({}, Hedge()), ({"after_s": 0.5}, Hedge(0.5))],
)
def test_hedges(said: object, meant: Hedge | None) -> None:
    """True leaves the time to what is observed."""
    routing = read(routing={"hedge": said}).routing
    assert routing is not None
    assert routing.hedge == meant


@pytest.mark.parametrize(
    ("said", "meant"), [(True, Provisioned(SPILL_AT)), (False, None), ({}, Provisioned(SPILL_AT))]
)
def test_provisioned(said: object, meant: Provisioned | None) -> None:
    """True has a threshold of its own."""
    assert read(provisioned=said).provisioned == meant


def test_timeouts_may_be_few() -> None:
    """What is left out stays the gateway's."""
    assert read(timeouts={"total_s": 10}).timeouts == Timeouts(total_s=10.0)


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"priority": -1}, "priority", "between 0 and 1,000"),
    ({"priority": 1.5}, "priority", "whole number"),
    ({"weight": 0}, "weight", "between 0.001 and 1,000"),
    ({"weight": 1001}, "weight", "between 0.001 and 1,000"),
    ({"weight": "much"}, "weight", "must be a number"),
    ({"routing": "weighted"}, "routing", "must be an object"),
    ({"routing": {"strategy": "fastest"}}, "routing.strategy", "known are weighted, least_outst"),
    ({"routing": {"strategy": 1}}, "routing.strategy", "must be a string"),
    ({"routing": {"affinity": "on"}}, "routing.affinity", "known are key, prefix, off"),
    ({"routing": {"retries": 6}}, "routing.retries", "between 0 and 5"),
    ({"routing": {"retry": 1}}, "routing.retry", "known are strategy, affinity, hedge, retries"),
    ({"routing": {"hedge": 1}}, "routing.hedge", "must be an object"),
    ({"routing": {"hedge": {"after_s": 0}}}, "routing.hedge.after_s", "between 0.001 and 600"),
    ({"routing": {"hedge": {"after": 1}}}, "routing.hedge.after", "true, false or"),
    ({"fallbacks": "a"}, "fallbacks", "must be an array of codes or an object, not a string"),
    ({"fallbacks": ["mini"]}, "fallbacks[0]", "is the model itself"),
    ({"fallbacks": ["a", "b", "a"]}, "fallbacks[2]", "stands there twice"),
    ({"fallbacks": [1]}, "fallbacks[0]", "must be a string"),
    ({"fallbacks": {"timeout": ["a"]}}, "fallbacks.timeout", "known are any, context_too_long"),
    ({"fallbacks": {"busy": "a"}}, "fallbacks.busy", "must be an array"),
    ({"fallbacks": {"busy": ["mini"]}}, "fallbacks.busy[0]", "is the model itself"),
    ({"provisioned": 90}, "provisioned", "must be an object"),
    ({"provisioned": {"spill_at": 100}}, "provisioned.spill_at", "between 1 and 99"),
    ({"provisioned": {"spill": 9}}, "provisioned.spill", "true, false or"),
    ({"timeouts": 5}, "timeouts", "must be an object"),
    ({"timeouts": {"total": 5}}, "timeouts.total", "known are connect_s, first_token_s, between_"),
    ({"timeouts": {"connect_s": 0}}, "timeouts.connect_s", "between 0.001 and 86,400"),
]


@pytest.mark.parametrize(("said", "field", "words"), BAD, ids=[each[1] for each in BAD])
def test_faults_are_named(said: dict[str, Any], field: str, words: str) -> None:
    """One problem, of the field, that says what would be right."""
    found = faults(**said)
    assert set(found) == {field}
    assert words in found[field]


def test_fallbacks_are_bounded() -> None:
    """Eight codes for a cause and no more; a model without a code is known by its id."""
    many = [f"m{number}" for number in range(MAX_FALLBACKS + 1)]
    assert read(fallbacks=many[1:]).routing is not None
    assert "at most 8 codes" in faults(fallbacks=many)["fallbacks"]
    assert "fallbacks[0]" in faults(code=None, fallbacks=["gpt-mini"])


def test_the_first_that_says_anything_stands() -> None:
    """Whoever contradicts it is named; who says the same, or nothing, is not."""
    cheap, fast = Routing(Strategy.CHEAPEST), Routing(Strategy.LOWEST_LATENCY)
    assert first_stated([None, cheap, fast]) is cheap
    stated = [
        ("a", None),
        ("b", cheap),
        ("c", Routing(Strategy.CHEAPEST)),
        ("d", fast),
        ("e", PLAIN),
    ]
    assert disputes(stated) == [Dispute("b", "d"), Dispute("b", "e")]
    assert disputes([("a", None)]) == []
