"""Gate: what passes, what is held for it, and that a refused call leaves no trace."""

import pytest

from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.steps.bound import ASSUMED_OUTPUT_TOKENS, COMPLETION_TOKENS
from llmproxy.domain.errors import (
    Busy,
    GatewayError,
    InvalidRequest,
    OperationNotSupported,
    OwnFault,
    PriceMissing,
    RateLimited,
    Unavailable,
    UnknownModel,
)
from llmproxy.domain.operation import Endpoint, Operation
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeBody, call, deployment

pytestmark = pytest.mark.asyncio
IN_NANO, OUT_NANO = 1_000, 2_000
"""What a token costs by the document of the fakes: 0.001 and 0.002 USD per 1,000."""


async def test_an_admission() -> None:
    """The plan, what is held and what is journalled belong to one call."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment())
    admission = await rooms.admit(call(clock))

    assert [each.model.id for each in admission.plan] == ["gpt-mini"]
    [held] = rooms.limiter.held
    assert (held.key_id, held.project, held.model, held.currency) == (
        "key_1",
        "alpha",
        "mini",
        "USD",
    )
    assert held.cost_nano == 400 * IN_NANO + 100 * OUT_NANO
    assert held.tokens == 400 + 100
    [opened] = rooms.journal.openings
    assert (opened.request_id, opened.at, opened.key_id) == ("req_1", clock.now(), "key_1")
    assert (opened.model, opened.operation, opened.reserved_nano) == (
        "mini",
        "ChatCompletion",
        held.cost_nano,
    )
    assert not admission.settled


async def test_the_bound_of_the_output() -> None:
    """The request's own bound counts, else the document's, else an assumed one; times choices."""
    clock = FakeClock()
    bounded = deployment(parameters={"model": "x", "max_output_tokens": 1_000})
    for model, asked, choices, expected in (
        (bounded, 50, 1, 50),
        (bounded, 50, 3, 150),
        (bounded, None, 2, 2_000),
        (deployment(), None, 1, ASSUMED_OUTPUT_TOKENS),
    ):
        rooms = FakeRooms(clock, model)
        await rooms.admit(call(clock, max_output_tokens=asked, choices=choices))
        [held] = rooms.limiter.held
        assert held.cost_nano == 400 * IN_NANO + expected * OUT_NANO
        assert held.tokens == 400 + expected


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, COMPLETION_TOKENS),
        ({"max_tokens": 900}, 900),
        ({"max_output_tokens": 70, "max_tokens": 60}, 70),
    ],
)
async def test_the_bound_of_a_completion(parameters: dict[str, int], expected: int) -> None:
    """Without `max_tokens` OpenAI writes 16 tokens, or what the document has the gateway send."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(parameters={"model": "x"} | parameters))
    await rooms.admit(call(clock, endpoint=Endpoint.COMPLETIONS, max_output_tokens=None, choices=2))

    assert rooms.limiter.held[0].tokens == 400 + 2 * expected


async def test_the_dearest_deployment_is_reserved() -> None:
    """Whoever answers in the end, what was held is enough."""
    clock = FakeClock()
    cheap = deployment(id="cheap")
    dear = deployment(id="dear", costs={"input": 0.1, "output": 0.2})
    for plan in ((cheap, dear), (dear, cheap)):
        rooms = FakeRooms(clock, *plan)
        await rooms.admit(call(clock))
        assert rooms.limiter.held[0].cost_nano == 100 * (400 * IN_NANO + 100 * OUT_NANO)


async def test_a_free_model() -> None:
    """A model that says it is free is admitted without money."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(costs={}, free=True))
    await rooms.admit(call(clock))

    assert rooms.limiter.held[0].cost_nano == 0


REFUSED = [
    ({"model": "nobody"}, UnknownModel),
    ({"operation": Operation.IMAGES}, OperationNotSupported),
    ({"model": "unpriced"}, PriceMissing),
    ({"model": "toolless", "body": FakeBody({"tools": b"[]"})}, InvalidRequest),
]


@pytest.mark.parametrize(("changes", "error"), REFUSED)
async def test_refusals_leave_no_trace(
    changes: dict[str, object], error: type[GatewayError]
) -> None:
    """Nothing is held and nothing is written for a call that does not pass."""
    clock = FakeClock()
    rooms = FakeRooms(
        clock,
        deployment(),
        deployment(id="unpriced", code="unpriced", costs={}),
        deployment(
            id="toolless", code="toolless", parameters={"model": "x", "enable_tools": False}
        ),
    )
    with pytest.raises(error):
        await rooms.admit(call(clock, **changes))

    assert (rooms.limiter.held, rooms.limiter.used, rooms.journal.openings) == ([], [], [])


async def test_tools() -> None:
    """A model without tools takes requests without them; others take both."""
    clock = FakeClock()
    toolless = deployment(parameters={"model": "x", "enable_tools": False})
    with_tools = FakeBody({"tools": b"[]"})
    await FakeRooms(clock, toolless).admit(call(clock))
    await FakeRooms(clock, deployment()).admit(call(clock, body=with_tools))
    able = deployment(parameters={"model": "x", "enable_tools": True})
    rooms = FakeRooms(clock, able)
    await rooms.admit(call(clock, body=with_tools))

    assert len(rooms.journal.openings) == 1


TOOLLESS = {"model": "x", "enable_tools": False}
UNABLE = {
    "no-tools": (deployment(parameters=TOOLLESS), InvalidRequest),
    "no-price": (deployment(costs={}), PriceMissing),
    "not-ready": (deployment(None, "secret X is not set"), OwnFault),
}


@pytest.mark.parametrize(("unable", "reason"), UNABLE.values(), ids=UNABLE)
async def test_a_deployment_that_refuses_only_itself(
    unable: Deployment, reason: type[GatewayError]
) -> None:
    """It is left out of the plan; the call is refused only when nothing else is left."""
    clock = FakeClock()
    tools = FakeBody({"tools": b"[]"})
    rooms = FakeRooms(clock, unable, deployment(id="able"))
    admission = await rooms.admit(call(clock, body=tools))
    assert [each.model.id for each in admission.plan] == ["able"]

    alone = FakeRooms(clock, unable)
    with pytest.raises(reason):
        await alone.admit(call(clock, body=tools))
    assert (alone.limiter.held, alone.journal.openings) == ([], [])


async def test_one_that_is_asked_alone() -> None:
    """A session goes on where it is, however that is doing, and by its deployment's own limits."""
    clock = FakeClock()
    limited = deployment(id="limited", limits={"requests_per_minute": 3})
    rooms = FakeRooms(clock, deployment(id="other"), limited)
    health = rooms.fleet.health(limited)
    health.failed(Busy("full", retry_after_s=9.0), counts=True, era=health.began())
    admission = await rooms.admit(call(clock), limited)
    assert (admission.plan, admission.well) == ((limited,), 1)
    assert admission.reservation.lanes == (limited.scope,) != (None,)
    assert admission.routing is rooms.registry.routing("mini")


async def test_the_first_reason_counts() -> None:
    """When no deployment can serve a call, the caller is told why the first one cannot."""
    clock = FakeClock()
    toolless, unpriced = UNABLE["no-tools"][0], UNABLE["no-price"][0]
    with pytest.raises(InvalidRequest):
        await FakeRooms(clock, toolless, unpriced).admit(
            call(clock, body=FakeBody({"tools": b"[]"}))
        )


async def test_a_limit_that_is_reached() -> None:
    """What the limiter refuses is not journalled."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment())
    rooms.limiter.refusal = RateLimited("Too many.", retry_after_s=2.0)
    with pytest.raises(RateLimited):
        await rooms.admit(call(clock))

    assert rooms.journal.openings == []


async def test_a_refusal_by_a_limit_is_counted() -> None:
    """By the kind of the limit's scope and its field; a refusal of another kind is not."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment())
    for limit in (("key", "requests_per_minute"), None):
        refusal = RateLimited("Too many.", retry_after_s=2.0)
        refusal.limit = limit
        rooms.limiter.refusal = refusal
        with pytest.raises(RateLimited):
            await rooms.admit(call(clock))

    assert rooms.meter.refusals == [("key", "requests_per_minute")]


async def test_a_journal_that_cannot_be_written() -> None:
    """Without a record there is no call: what was held is given back."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment())
    rooms.journal.full = True
    with pytest.raises(Unavailable):
        await rooms.admit(call(clock))

    assert (rooms.limiter.held, rooms.limiter.used) == ([], [(0, 0)])
