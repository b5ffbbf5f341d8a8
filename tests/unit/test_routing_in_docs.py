"""What docs/routing.md says is what the reader of documents and the fleet do."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from llmproxy.application.routing.breaker import FAILURES_IN_A_ROW, LEAST_CALLS, OPEN_S, WINDOW_S
from llmproxy.application.routing.fleet import Fleet
from llmproxy.application.routing.rotation import MAX_CYCLE
from llmproxy.application.routing.spill import NEWS_S, Spill
from llmproxy.application.routing.ward import State
from llmproxy.domain.document import Parsed, parse_model
from llmproxy.domain.routing import (
    MAX_FALLBACKS,
    PLAIN,
    SPILL_AT,
    Affinity,
    Cause,
    Strategy,
    disputes,
)
from llmproxy.domain.timeouts import TIMEOUT_FIELDS
from llmproxy.infra.telemetry.prometheus.figures import figure_of
from llmproxy.infra.wire.jsonc import read_documents
from tests.fakes.clock import FakeClock

PAGE = (Path(__file__).parents[2] / "docs/routing.md").read_text("utf-8")
BLOCK = re.compile(r"^```jsonc\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FIELDS = {"priority", "weight", "provisioned", "timeouts", "fallbacks"}


def documents() -> list[Mapping[str, object]]:
    """Every document of the page."""
    found = [located.value for text in BLOCK.findall(PAGE) for located in read_documents(text)]
    return [each for each in found if isinstance(each, Mapping)]


def section(title: str) -> str:
    """The text under a heading, with its subsections."""
    level = "###" if f"\n### {title}\n" in PAGE else "##"
    return PAGE.partition(f"\n{level} {title}\n")[2].partition(f"\n{level} ")[0]


@pytest.mark.parametrize("document", documents(), ids=lambda document: str(document["id"]))
def test_an_example_is_a_good_document(document: Mapping[str, object]) -> None:
    """It is read without a warning."""
    parsed: Parsed = parse_model(document)
    assert parsed.warnings == ()
    assert parsed.model.code == "gpt-4o"


def test_the_example_uses_every_field() -> None:
    """So that each can be copied; its documents do not contradict one another."""
    said: set[str] = set().union(*documents())
    assert {*FIELDS, "routing"} <= said
    models = [parse_model(each).model for each in documents()]
    (routing,) = [each.routing for each in models if each.routing is not None]
    assert {Cause.ANY, Cause.CONTEXT_TOO_LONG} == set(routing.fallbacks)
    assert disputes([(each.id, each.routing) for each in models]) == []
    assert [(each.priority, each.weight) for each in models] == [(0, 1), (1, 3), (1, 1)]


def test_every_word_is_explained() -> None:
    """Fields, strategies, affinities, causes and states each have their row or sentence."""
    table = section("Fields")
    assert {name for name in FIELDS if f"| `{name}` |" not in table} == set()
    assert {name for name in TIMEOUT_FIELDS if f"`{name}`" not in table} == set()
    for name in ("strategy", "affinity", "hedge", "retries"):
        assert f"| `routing.{name}` |" in table
    assert {each for each in Strategy if f"| `{each}` |" not in section("Who comes first")} == set()
    assert {each for each in Affinity if f"`{each}`" not in table} == set()
    assert {each for each in Cause if f"| `{each}` |" not in section("Other models")} == set()
    unwell = section("When a deployment is unwell")
    assert {each for each in State if f"| `{each}` |" not in unwell} == {State.CLOSED}


def test_the_numbers_are_those_of_the_code() -> None:
    """What the page says in words."""
    unwell = section("When a deployment is unwell")
    assert f"{FAILURES_IN_A_ROW} failures in a row" in unwell
    assert f"half of at least {LEAST_CALLS} calls within {WINDOW_S} s" in unwell
    assert f"| {OPEN_S:g} s, and after each failed probe twice as long" in unwell
    assert f"said nothing for {NEWS_S:g} s" in unwell
    half = Spill(90)
    half.heard(95, 0)
    assert half.share(0) == pytest.approx(0.49)
    table = section("Fields")
    assert f"{SPILL_AT:g} when absent" in table
    assert f"{PLAIN.retries} when absent" in table
    assert f"at most {MAX_FALLBACKS}" in table
    assert f"{MAX_CYCLE:,} turns" in PAGE


def test_the_figures_are_named() -> None:
    """Each that `/metrics` sums up."""
    figures = Fleet(FakeClock(), lambda: 0.0).figures()
    said = section("Seeing it")
    metrics = {figure_of("routing", name) for name in figures}
    assert {each.family.name for each in metrics if f"`{each.family.name}`" not in said} == set()
    assert {state for each in metrics for state in each.values if f"`{state}`" not in said} == set()
