"""Ids of responses: who made one, for whom, and what goes on from it."""

from dataclasses import replace

import pytest

from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.registry import Registry
from llmproxy.application.response_ids import REMOVED, ResponseDirectory, ResponseIds
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.steps.settle import most
from llmproxy.domain.errors import InvalidRequest, UnknownResponse
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.sealing import FakeSealing
from tests.fakes.upstream import CALLER, FakeProvider, call, deployment, good_reply

IDS = ResponseIds(FakeSealing())
SHOWN = IDS.shown("resp_up", "gpt-mini", "alpha")


def directory(*ids: str) -> ResponseDirectory:
    """A directory of deployments with these ids."""
    registry = Registry(FakeClock())
    registry.install(Snapshot(tuple(deployment(id=each) for each in ids)))
    return ResponseDirectory(registry, IDS)


def test_an_id_says_where_a_response_lives() -> None:
    """The same every time, and only for the project that it was made for."""
    assert SHOWN.startswith("resp_")
    assert IDS.shown("resp_up", "gpt-mini", "alpha") == SHOWN
    assert IDS.origin(SHOWN, "alpha") == Origin(SHOWN, "resp_up", "gpt-mini")
    assert IDS.origin(SHOWN, "beta") is None
    assert IDS.origin(SHOWN, None) is None
    assert IDS.origin(IDS.shown("resp_up", "gpt-mini", None), None) is not None


@pytest.mark.parametrize("shown", ["", "resp_", "resp_other-00", SHOWN.removeprefix("resp_")])
def test_what_is_no_id(shown: str) -> None:
    """Any text may be asked for."""
    with pytest.raises(UnknownResponse, match="not found"):
        directory("gpt-mini").find(shown, CALLER)


def test_the_deployment_is_found() -> None:
    """While it is registered and the caller may use it."""
    origin, found = directory("other", "gpt-mini").find(SHOWN, CALLER)
    assert (origin.upstream, found.model.id) == ("resp_up", "gpt-mini")

    with pytest.raises(UnknownResponse) as removed:
        directory("other").find(SHOWN, CALLER)
    assert removed.value.hint == REMOVED
    with pytest.raises(UnknownResponse) as forbidden:
        directory("gpt-mini").find(SHOWN, replace(CALLER, models=frozenset({"x"})))
    assert not forbidden.value.hint


def test_going_on() -> None:
    """The same in the words for a field of a request."""
    assert directory("gpt-mini").previous(SHOWN, CALLER).deployment == "gpt-mini"
    with pytest.raises(InvalidRequest, match="Previous response") as unknown:
        directory("other").previous(SHOWN, CALLER)
    assert (unknown.value.param, unknown.value.code) == (
        "previous_response_id",
        "previous_response_not_found",
    )
    assert unknown.value.hint == REMOVED
    with pytest.raises(InvalidRequest, match="resp_unsealed") as unsealed:
        directory("gpt-mini").previous("resp_unsealed", CALLER)
    assert "send the earlier items in `input`" in unsealed.value.message


@pytest.mark.asyncio
async def test_only_the_maker_goes_on() -> None:
    """One deployment is left of the plan; a model that has not made it is told so."""
    clock = FakeClock()
    rooms = FakeRooms(clock, deployment(id="a"), deployment(id="b"))
    going_on = call(clock, previous=Origin("resp_x", "up", "b"))
    assert [each.model.id for each in (await rooms.admit(going_on)).plan] == ["b"]

    with pytest.raises(InvalidRequest, match="not made by the model `mini`") as refused:
        await rooms.admit(call(clock, previous=Origin("resp_x", "up", "c")))
    assert refused.value.param == "previous_response_id"
    assert len(rooms.journal.openings) == 1


@pytest.mark.asyncio
async def test_what_is_made_in_the_background_costs_what_was_reserved() -> None:
    """Unless the provider says its usage after all."""
    clock = FakeClock()
    for reply, expected in (
        (good_reply(None), Usage(input_tokens=400, output_tokens=100, estimated=True)),
        (good_reply(), good_reply().usage),
    ):
        rooms = FakeRooms(clock, deployment(FakeProvider(clock, reply)))
        await rooms.answer(call(clock, background=True))
        assert rooms.journal.last.usage == expected
    admission = await rooms.admit(call(clock))
    assert most(admission).output_tokens == 100
