"""Explaining a call: what gate and road would do, without doing it."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.limiter import Limit
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.interfaces.upstream import Deployment
from llmproxy.application.use_cases.explain import (
    ADAPTER,
    LIKELY_OUTPUT_TOKENS,
    LIMIT,
    MODEL,
    Explain,
    Explanation,
)
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import (
    InvalidRequest,
    OperationNotSupported,
    PriceMissing,
    Unavailable,
    UnknownModel,
)
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeBody, FakeProvider, call, deployment

pytestmark = pytest.mark.asyncio
IN_NANO, OUT_NANO = 1_000, 2_000
"""What a token costs by the document of the fakes: 0.001 and 0.002 USD per 1,000."""


class Explained:
    """A gateway over these deployments, and what it explains."""

    def __init__(self, *deployments: Deployment) -> None:
        self.clock = FakeClock()
        self.rooms = FakeRooms(self.clock, *deployments)

    async def of(self, *, streamed: bool = False, **changes: object) -> Explanation:
        """Explain a call; nothing is left of it."""
        rooms = self.rooms
        explain = Explain(rooms.registry, rooms.limiter, rooms.fleet)
        explanation = await explain(call(self.clock, **changes), streamed=streamed)
        assert (rooms.limiter.held, rooms.limiter.used) == ([], [])
        assert (rooms.journal.openings, rooms.journal.settlements) == ([], [])
        return explanation


def provider() -> FakeProvider:
    """A provider that is never called."""
    return FakeProvider(FakeClock())


def ids(explanation: Explanation) -> list[str]:
    """Ids of the candidates, in their order."""
    return [each.deployment.model.id for each in explanation.candidates]


def reasons(explanation: Explanation) -> dict[str, tuple[str, str]]:
    """Why each deployment is left out."""
    return {each.deployment.model.id: (each.code, each.reason) for each in explanation.left_out}


async def test_a_call_that_would_be_served() -> None:
    """By whom, what they would be sent, what is reserved and what it costs."""
    at = provider()
    at.shown = Rendered("POST", "http://up", [("host", "up")], b"{}", ("model",), ("user",))
    explanation = await Explained(deployment(at)).of()

    [candidate] = explanation.candidates
    assert explanation.serves is candidate.deployment
    assert (explanation.refused, explanation.left_out) == (None, ())
    assert candidate.rendered is at.shown
    assert at.calls == []
    held = explanation.reservation
    assert held is not None
    assert (held.cost_nano, held.tokens) == (400 * IN_NANO + 100 * OUT_NANO, 500)
    assert explanation.output_tokens == 100
    assert explanation.likely == Usage(input_tokens=100, output_tokens=100, estimated=True)
    assert candidate.cost == ("USD", held.cost_nano, 100 * IN_NANO + 100 * OUT_NANO)


async def test_the_reservation_is_that_of_the_gate() -> None:
    """Over deployments of different prices, the dearest counts."""
    dear = deployment(provider(), id="dear", costs={"input": 1, "output": 1})
    explained = Explained(deployment(provider()), dear)
    explanation = await explained.of(max_output_tokens=None, choices=2)

    admission = await explained.rooms.admit(
        call(explained.clock, max_output_tokens=None, choices=2)
    )
    assert explanation.reservation == replace(admission.reservation, at=0.0)
    assert explanation.likely.output_tokens == 2 * LIKELY_OUTPUT_TOKENS


async def test_usage_that_the_desk_counts_is_the_likely_one() -> None:
    """Characters of speech are known, not guessed."""
    counted = Usage(characters=12)
    assert (await Explained(deployment(provider())).of(counted=counted)).likely == counted


async def test_the_order_is_that_of_the_next_call() -> None:
    """However often it is asked for: no turn is taken."""
    each = [deployment(provider(), id=name) for name in "abc"]
    explained = Explained(*each)
    for _ in range(4):
        expected = ids(await explained.of())
        assert ids(await explained.of()) == expected
        admission = await explained.rooms.admit(call(explained.clock))
        _, served = await explained.rooms.dispatch.answer(admission)
        explained.rooms.settle.finished(admission, served, Usage(), output_bytes=0)
        assert served.model.id == expected[0]
        explained.rooms.limiter.used.clear()
        explained.rooms.journal.openings.clear()
        explained.rooms.journal.settlements.clear()


async def test_an_unknown_model() -> None:
    """The caller would be told so."""
    explanation = await Explained(deployment(provider())).of(model="nothing")
    assert explanation.refused is not None
    assert explanation.refused.by == MODEL
    assert isinstance(explanation.refused.error, UnknownModel)
    assert (explanation.candidates, explanation.left_out, explanation.limits) == ((), (), ())
    assert (explanation.reservation, explanation.serves) == (None, None)


async def test_what_is_left_out_and_why() -> None:
    """Each for its own reason, in words for an administrator."""
    explanation = await Explained(
        deployment(provider(), id="good"),
        deployment(provider(), id="hidden", private=True, projects=["beta"]),
        deployment(provider(), id="nobodys", private=True, projects=[]),
        deployment(provider(), id="other", operations=["embeddings"]),
        deployment(provider(), id="toolless", parameters={"model": "x", "enable_tools": False}),
        deployment(provider(), id="unpriced", costs={}),
        deployment(provider(), "its secret is missing", id="unready"),
    ).of(body=FakeBody({"tools": b"[1]"}))

    assert ids(explanation) == ["good"]
    found = reasons(explanation)
    assert found["hidden"] == ("not_visible", "it is private to beta")
    assert found["nobodys"] == ("not_visible", "it is private to nobody")
    assert found["other"][0] == "operation_not_supported"
    assert found["toolless"][1].startswith("The model `mini` does not accept tools.")
    assert found["unpriced"][0] == "price_missing"
    assert found["unready"] == ("model_not_ready", "its secret is missing")


async def test_a_key_that_may_not_use_the_model() -> None:
    """It is refused as an unknown model; the administrator reads why."""
    narrow = Caller("key_1", "alpha", frozenset({"another"}), admin=False, expires_at=None)
    explanation = await Explained(deployment(provider())).of(caller=narrow)
    assert explanation.refused is not None
    assert isinstance(explanation.refused.error, UnknownModel)
    assert reasons(explanation) == {"gpt-mini": ("not_visible", "the key may not use it")}


@pytest.mark.parametrize(
    ("changes", "error"),
    [({"operations": ["embeddings"]}, OperationNotSupported), ({"costs": {}}, PriceMissing)],
)
async def test_refusals_of_the_gate(changes: dict[str, object], error: type[Exception]) -> None:
    """They are the gate's own."""
    explanation = await Explained(deployment(provider(), **changes)).of()
    assert explanation.refused is not None
    assert (explanation.refused.by, type(explanation.refused.error)) == (MODEL, error)
    assert len(explanation.left_out) == 1


async def test_only_the_maker_of_a_response_goes_on() -> None:
    """The others of the same model are left out."""
    explained = Explained(deployment(provider(), id="a"), deployment(provider(), id="b"))
    explanation = await explained.of(previous=Origin("resp_1", "up", "b"))
    assert ids(explanation) == ["b"]
    assert reasons(explanation)["a"][0] == "previous_response_elsewhere"


async def test_a_limit_that_is_reached() -> None:
    """It refuses, though the model could be asked."""
    explained = Explained(deployment(provider()))
    explained.rooms.limiter.refusal = Unavailable("Full.", code="overloaded")
    explanation = await explained.of()
    assert explanation.refused is not None
    assert (explanation.refused.by, explanation.refused.error.code) == (LIMIT, "overloaded")
    assert explanation.serves is None
    assert ids(explanation) == ["gpt-mini"]


async def test_limits_are_told() -> None:
    """With how far they are used."""
    explained = Explained(deployment(provider()))
    explained.rooms.limiter.limits = (Limit("worker", "requests", 1, 2, "X"),)
    assert (await explained.of()).limits == explained.rooms.limiter.limits


async def test_an_adapter_that_refuses_is_passed_over() -> None:
    """The next one takes the call."""
    strict, other = provider(), provider()
    strict.refusal = InvalidRequest("No.", param="seed")
    explained = Explained(deployment(strict, id="a"), deployment(other, id="b"))
    explanation = await explained.of()

    first, second = explanation.candidates
    assert first.deployment.model.id == "a"
    assert (first.refuses, first.rendered) == (strict.refusal, None)
    assert second.refuses is None
    assert explanation.serves is second.deployment
    assert explanation.refused is None


async def test_all_adapters_refuse() -> None:
    """The caller would read the first reason."""
    first, second = provider(), provider()
    first.refusal, second.refusal = InvalidRequest("First."), InvalidRequest("Second.")
    explained = Explained(deployment(first, id="a"), deployment(second, id="b"))
    explanation = await explained.of()
    assert explanation.refused == (ADAPTER, first.refusal)
    assert explanation.serves is None


async def test_nothing_is_sent() -> None:
    """A deployment that answers by itself serves the call, and there is no request to show."""
    echo = provider()
    echo.shown = None
    explanation = await Explained(deployment(echo)).of()
    [candidate] = explanation.candidates
    assert (candidate.rendered, candidate.refuses) == (None, None)
    assert explanation.serves is candidate.deployment


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_flow_that_is_not_offered(streamed: bool) -> None:  # noqa: FBT001
    """As on the road: the deployment is not ready for it."""
    made = deployment(provider())
    ports = (made.answering, None) if streamed else (None, made.streaming)
    lacking = Deployment(made.model, *ports, rendering=made.rendering)
    explanation = await Explained(lacking).of(streamed=streamed)
    assert explanation.refused is not None
    assert explanation.refused.error.code == "model_not_ready"
