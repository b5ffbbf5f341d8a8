"""What is counted of requests, and that nothing is lost or counted twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from llmproxy.application.interfaces.journal import Attempt
from llmproxy.application.interfaces.trace import Trace
from llmproxy.domain.usage import Usage
from llmproxy.infra.tracing.figures import TOGETHER, Figures
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
from llmproxy.infra.tracing.record import Visit
from llmproxy.infra.tracing.sampling import sampler
from tests.fakes.calls import google_model
from tests.unit.infra.tracing.visits import Arrived, Over, entry, over, told, traced

USED = Usage(input_tokens=20, cache_read_tokens=5, output_tokens=7)
GOOD = Attempt("shown", None, 1.0, 200, USED)
BAD = Attempt("shown", "overloaded", 0.5, 503)
NOBODY = sampler("always_off", 0)
MODELS = tuple([google_model("GoogleVertex", name) for name in ("gemini-pro", "gemini-flash")])
TWISTS = tuple(
    "failed unknown estimated nothing none two first status broken working".split()  # noqa: SIM905
)
"""In what a request differs from the usual course, most often in one thing."""


@st.composite
def requests_of(draw: st.DrawFn) -> Over:
    """A request that one provider answered, but for a twist or two."""
    twists = {draw(st.sampled_from((*[""] * len(TWISTS), *TWISTS))) for _ in range(2)}
    attempt = replace(GOOD, duration_s=draw(st.sampled_from((0.5, 1.0, 3.0))))
    changes = {
        "failed": {"error": "overloaded"},
        "unknown": {"usage": None},
        "estimated": {"usage": Usage(input_tokens=9, estimated=True)},
        "nothing": {"usage": Usage()},
    }
    for twist in changes.keys() & twists:
        attempt = replace(attempt, **changes[twist])
    attempts = [attempt, GOOD] if "two" in twists else [attempt]
    made = over(
        *([] if "none" in twists else attempts), first_content_s=0.25 if "first" in twists else None
    )
    visit = made.visit
    assert isinstance(visit, Arrived)
    assert visit.call is not None
    visit.status = draw(st.sampled_from((404, 500, 0))) if "status" in twists else 200
    visit.path = draw(st.sampled_from(("/v1/chat/completions", "/v1/embeddings")))
    for tried in made.trace.tries:
        tried.model = draw(st.sampled_from(MODELS))
        if "working" in twists:
            tried.attempt = None
    visit.error = draw(st.sampled_from((None, None, None, "timeout")))
    if "broken" in twists:
        visit.call.entry = draw(st.sampled_from((None, entry(USED, error="broken"))))
    return made


REQUESTS = requests_of()


def test_every_request_counts() -> None:
    """Whether it is followed or not: its attempts, their tokens, and when content began."""
    figures = Figures(Places())
    figures.fold(*over(BAD, GOOD, sampled=NOBODY, first_content_s=1.25))
    counted = told(figures)
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


class Slow(Figures):
    """Counts every request as if it were not simple."""

    @override
    def _fold_usual(self, visit: Visit, trace: Trace, ended_at: float) -> bool:
        return False


@given(st.lists(REQUESTS, max_size=3 * TOGETHER))
def test_the_usual_course(requests: list[Over]) -> None:
    """What is counted together is what would be counted one by one."""
    quick, slow = Figures(Places()), Slow(Places())
    for each in requests:
        quick.fold(*each)
        slow.fold(*each)
    found = [
        {
            (figure, labels): (series.buckets, series.count, series.lowest, series.highest)
            for figure, kept in told(figures).items()
            for labels, series in kept.items()
        }
        for figures in (quick, slow)
    ]
    assert found[0] == found[1]


def test_noted_together() -> None:
    """What takes the usual course is counted many in a row, or when it is taken."""
    figures = Figures(Places())
    request = over(GOOD)
    for _ in range(TOGETHER - 1):
        figures.fold(*request)
    [http] = figures.counted[HTTP_DURATION].values()
    assert http.count == 0
    figures.fold(*request)
    assert http.count == TOGETHER
    figures.fold(*request)
    [http] = figures.take()[HTTP_DURATION].values()
    assert http.count == TOGETHER + 1


def test_estimates_are_not_counted() -> None:
    """The conventions want what the provider has told."""
    figures = Figures(Places())
    figures.fold(*over(replace(GOOD, usage=Usage(input_tokens=9, estimated=True))))
    assert figures.counted[TOKENS] == {}


def test_too_many_series() -> None:
    """What is more than the most is counted together."""
    figures = Figures(Places())
    for status in range(MAX_SERIES + 5):
        visit = Arrived(status=status + 1)
        tracer = traced(visit, count=figures.fold)
        tracer.end(visit, 101.0)
        tracer.look()
    summed, counted = Histograms(), figures.take()
    for _ in range(2):
        summed.add(counted)
    for times, histograms in ((1, counted), (2, summed.counted)):
        series = histograms[HTTP_DURATION]
        assert len(series) == MAX_SERIES + 1
        assert series[OVERFLOW].count == 5 * times


def test_taken_and_added() -> None:
    """What was counted at different times is one sum, and each part stays as it was."""
    figures, summed = Figures(Places()), Histograms()
    figures.fold(*over(GOOD))
    taken = figures.take()
    assert not any(figures.counted.values())
    figures.fold(*over(GOOD))
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
    figures.fold(*over(GOOD))
    moved = over(GOOD)
    [tried] = moved.trace.tries
    elsewhere = replace(tried.model.parameters, location="europe-west4")
    tried.model = replace(tried.model, parameters=elsewhere)
    figures.fold(*moved)
    hosts = {
        dict(labels)["server.address"]: each for labels, each in told(figures)[DURATION].items()
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
    for start in range(0, len(values), 7):
        series.add(values[start : start + 7])
    assert sum(series.buckets) == series.count == len(values)
    assert series.total == pytest.approx(sum(values))
    assert (series.lowest, series.highest) == (
        min(values, default=float("inf")),
        max(values, default=float("-inf")),
    )
    upto, lower = 0, float("-inf")
    for bound, many in zip((*bounds, float("inf")), series.buckets, strict=True):
        assert many == sum(lower < value <= bound for value in values)
        upto, lower = upto + many, bound
    assert upto == len(values)
