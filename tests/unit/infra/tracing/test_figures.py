"""What is counted of requests, and that nothing is lost or counted twice."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.domain.usage import Usage
from llmproxy.infra.tracing.figures import Figures
from llmproxy.infra.tracing.histograms import (
    DURATION,
    FIRST_CHUNK,
    FIRST_TOKEN,
    HTTP_DURATION,
    MAX_SERIES,
    OVERFLOW,
    TOKENS,
    Histograms,
    Series,
)
from llmproxy.infra.tracing.naming import Places
from llmproxy.infra.tracing.sampling import sampler
from tests.unit.infra.tracing.visits import Arrived, answered, traced

USED = Usage(input_tokens=20, cache_read_tokens=5, output_tokens=7)
GOOD = Attempt("shown", None, 1.0, 200, USED)
BAD = Attempt("shown", "overloaded", 0.5, 503)
NOBODY = sampler("always_off", 0)


def test_every_request_counts() -> None:
    """Whether it is followed or not: its attempts, their tokens, and when content began."""
    figures = Figures(Places())
    figures.fold(answered(BAD, GOOD, sampled=NOBODY, first_content_s=1.25))
    counted = figures.counted
    [http] = counted[HTTP_DURATION].values()
    assert (http.count, http.total) == (1, 2.0)
    by_error = {dict(labels).get("error.type"): each for labels, each in counted[DURATION].items()}
    assert {error: each.total for error, each in by_error.items()} == {
        "overloaded": 0.5,
        None: 1.0,
    }
    tokens = {dict(labels)["gen_ai.token.type"]: each for labels, each in counted[TOKENS].items()}
    assert {kind: each.total for kind, each in tokens.items()} == {"input": 25, "output": 7}
    [chunk] = counted[FIRST_CHUNK].values()
    [token] = counted[FIRST_TOKEN].values()
    assert (chunk.total, token.total) == (0.25, 1.25)


def test_estimates_are_not_counted() -> None:
    """The conventions want what the provider has told."""
    figures = Figures(Places())
    figures.fold(answered(replace(GOOD, usage=Usage(input_tokens=9, estimated=True))))
    assert figures.counted[TOKENS] == {}


def test_too_many_series() -> None:
    """What is more than the most is counted together."""
    figures = Figures(Places())
    for status in range(MAX_SERIES + 5):
        visit = Arrived(status=status + 1)
        tracer = traced(visit, count=figures.fold)
        tracer.end(visit, 101.0)
        tracer.look()
    summed = Histograms()
    for counted in (figures.counted, figures.take()):
        summed.add(counted)
    for times, histograms in ((1, counted), (2, summed.counted)):
        series = histograms[HTTP_DURATION]
        assert len(series) == MAX_SERIES + 1
        assert series[OVERFLOW].count == 5 * times


def test_taken_and_added() -> None:
    """What was counted at different times is one sum, and each part stays as it was."""
    figures, summed = Figures(Places()), Histograms()
    figures.fold(answered(GOOD))
    taken = figures.take()
    assert not any(figures.counted.values())
    figures.fold(answered(GOOD))
    for counted in (taken, figures.take()):
        summed.add(counted)
        [http] = counted[HTTP_DURATION].values()
        assert http.count == 1
    [http] = summed.counted[HTTP_DURATION].values()
    assert (http.count, http.total, http.lowest, http.highest) == (2, 2.0, 1.0, 1.0)
    [duration] = summed.counted[DURATION].values()
    assert duration.count == 2
    assert [each.count for each in summed.counted[TOKENS].values()] == [2, 2]


def test_a_document_that_was_changed() -> None:
    """What is asked at another place is counted as that place's, under an id that stayed."""
    figures = Figures(Places())
    figures.fold(answered(GOOD))
    moved = answered(GOOD)
    [tried] = moved.trace.tries
    elsewhere = replace(tried.model.parameters, location="europe-west4")
    tried.model = replace(tried.model, parameters=elsewhere)
    figures.fold(moved)
    hosts = {
        dict(labels)["server.address"]: each for labels, each in figures.counted[DURATION].items()
    }
    assert {host: each.count for host, each in hosts.items()} == {
        "us-central1-aiplatform.googleapis.com": 1,
        "europe-west4-aiplatform.googleapis.com": 1,
    }


@given(st.lists(st.floats(0, 20)))
def test_buckets(values: list[float]) -> None:
    """Every value is in the first bucket whose bound it does not exceed."""
    bounds = (1.0, 5.0, 10.0)
    series = Series(bounds)
    for value in values:
        series.add(value, bounds)
    assert sum(series.buckets) == series.count == len(values)
    upto, lower = 0, float("-inf")
    for bound, many in zip((*bounds, float("inf")), series.buckets, strict=True):
        assert many == sum(lower < value <= bound for value in values)
        upto, lower = upto + many, bound
    assert upto == len(values)
