"""The record of a request: what is made at the door, and what is handed over."""

import asyncio

import pytest

from llmproxy.application.interfaces.trace import MAX_TRIES, Trace, outgoing
from llmproxy.infra.tracing.sampling import sampler
from llmproxy.infra.tracing.tracer import HEAVY_BYTES, MAX_WAITING, TOGETHER, Tracer
from tests.fakes.calls import chat_call, google_model
from tests.unit.infra.tracing.visits import ALL, Arrived, traced

PARENT = (b"traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03")
MODEL = google_model("GoogleVertex", "gemini-pro")


def test_its_own_trace() -> None:
    """Without a parent it begins one; no two are alike."""
    first, second = Arrived(), Arrived()
    traced(first)
    traced(second)
    assert first.trace is not None
    assert second.trace is not None
    assert (first.trace.parent_id, first.trace.flags, first.trace.state) == (0, 1, b"")
    assert first.trace.trace_id != second.trace.trace_id
    assert outgoing() == b"traceparent: 00-%032x-%016x-01\r\n" % (
        second.trace.trace_id,
        second.trace.span_id,
    )


def test_within_another() -> None:
    """The trace and its state go on, with a span of our own as the parent of what is asked."""
    state = [(b"tracestate", b"a=1"), (b"tracestate", b"b=2")]
    visit = Arrived([PARENT, *state])
    traced(visit, sampler("parentbased_always_off", 0))
    trace = visit.trace
    assert trace is not None
    assert trace.flags == 3
    tried = trace.tried(MODEL, 1.0)
    assert tried is not None
    assert outgoing() == (
        b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-%016x-03\r\n"
        b"tracestate: a=1,b=2\r\n" % tried.span_id
    )


def test_a_malformed_parent_has_no_state() -> None:
    """Its state is not of this trace."""
    visit = Arrived([(b"traceparent", b"nonsense"), (b"tracestate", b"a=1")])
    traced(visit)
    assert visit.trace is not None
    assert (visit.trace.parent_id, visit.trace.state) == (0, b"")


@pytest.mark.parametrize("path", ["/health", "/metrics", "/admin/models", "/v2/chat", "/"])
def test_what_is_not_followed(path: str) -> None:
    """Whatever is not asked of a model."""
    assert Tracer(ALL).begin(Arrived(path=path)) is None


async def _asked_at_once() -> list[bytes]:
    visit = Arrived()
    traced(visit)
    trace = visit.trace
    assert trace is not None

    async def ask() -> bytes:
        await asyncio.sleep(0)
        return outgoing()

    trace.tried(MODEL, 1.0)
    first = asyncio.create_task(ask())
    trace.tried(MODEL, 2.0)
    second = asyncio.create_task(ask())
    return [await first, await second]


def test_two_at_once() -> None:
    """Each of two attempts at a time carries its own span."""
    first, second = asyncio.run(_asked_at_once())
    assert first != second
    assert first[:49] == second[:49]


def test_the_parent_of_what_is_asked() -> None:
    """The attempt's own span where it is exported; else the request's, for all of them."""
    for name in ("always_on", "always_off"):
        visit = Arrived()
        traced(visit, sampler(name, 0))
        trace = visit.trace
        assert trace is not None
        told = []
        for began in (1.0, 2.0):
            tried = trace.tried(MODEL, began)
            assert tried is not None
            assert b"-%016x-" % tried.span_id in outgoing()
            told.append(tried.span_id)
        own = {trace.span_id, *told}
        assert len(own) == (3 if trace.flags else 1)


def test_what_nobody_is_told_of() -> None:
    """Without figures, a request that is not followed leaves nothing."""
    visit = Arrived(call=chat_call({}))
    tracer = traced(visit, sampler("always_off", 0))
    tracer.end(visit, 101.0)
    tracer.look()
    assert not tracer.ended


def test_many_in_a_row() -> None:
    """They are looked at together, so many at most, and those before a heavy one with it."""
    light, heavy = Arrived(call=chat_call({})), Arrived()
    counted: list[object] = []
    tracer = traced(light, count=lambda *each: counted.append(each))
    for _ in range(TOGETHER - 1):
        tracer.end(light, 101.0)
    assert not counted
    tracer.end(light, 101.0)
    assert len(counted) == len(tracer.ended) == TOGETHER
    tracer.end(light, 101.0)
    heavy.call = chat_call({"messages": [{"role": "user", "content": "x" * HEAVY_BYTES}]})
    heavy.trace = light.trace
    tracer.end(heavy, 101.0)
    assert len(counted) == TOGETHER + 2
    tracer.look()
    assert len(counted) == TOGETHER + 2


def test_the_most_attempts() -> None:
    """A call without end does not fill the memory."""
    visit = Arrived()
    traced(visit)
    assert visit.trace is not None
    for _ in range(MAX_TRIES + 3):
        visit.trace.tried(MODEL, 1.0)
    assert len(visit.trace.tries) == MAX_TRIES


def test_what_is_handed_over() -> None:
    """Nothing of the body but the numbers that are told, and those only if somebody follows."""
    body = {"messages": [{"role": "user", "content": "pomegranate"}], "temperature": 0.5, "seed": 3}
    for sampled in (True, False):
        visit = Arrived(call=chat_call(body))
        counted: list[object] = []
        tracer = traced(
            visit,
            lambda _, __, sampled=sampled: sampled,
            lambda *each, counted=counted: counted.append(each),
        )
        tracer.end(visit, 103.0)
        tracer.look()
        assert len(counted) == 1
        assert len(tracer.ended) == sampled
        for ended in tracer.ended:
            assert "pomegranate" not in repr(ended)
            assert ended.asked is not None
            assert ended.asked.parameters == (b"0.5", None, None, None, b"3")


def test_a_full_queue() -> None:
    """What finds it full is not told, nobody waits, and figures count it all the same."""
    visit = Arrived()
    counted: list[object] = []
    tracer = traced(visit, count=lambda *each: counted.append(each))
    for _ in range(MAX_WAITING + 2):
        tracer.end(visit, 101.0)
    tracer.look()
    assert len(counted) == MAX_WAITING + 2
    assert tracer.counts() == {
        "requests_waiting": MAX_WAITING,
        "requests_dropped": 2,
        "requests_broken": 0,
    }


def test_what_cannot_be_told(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once and counted; those around it are told, and the request at hand ends well."""

    def count(_: object, __: Trace, ended_at: float) -> None:
        if ended_at < 0:
            raise ValueError("not to be counted")

    visit = Arrived()
    tracer = traced(visit, count=count)
    for ended_at in (101.0, -1.0, -1.0, 102.0):
        tracer.end(visit, ended_at)
    tracer.look()
    assert [each.ended_at for each in tracer.ended] == [101.0, 102.0]
    assert tracer.counts()["requests_broken"] == 2
    [said] = [each.getMessage() for each in caplog.records]
    assert said == "tracing: a request cannot be told; others are not logged"
