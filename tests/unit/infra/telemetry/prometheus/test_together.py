"""What is counted together is what would be counted one by one."""

import re

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.journal import Attempt, Closed, Outcome
from llmproxy.domain.usage import Usage
from llmproxy.infra.telemetry.prometheus.calls import CallMeter
from llmproxy.infra.telemetry.prometheus.series import Room
from tests.unit.infra.telemetry.prometheus.settled import attempt, settled
from tests.unit.infra.telemetry.prometheus.test_bounds import text_of

SECONDS = st.sampled_from((0.0, 0.01, 0.25, 3.0, 700.0))
TRIES: st.SearchStrategy[list[Attempt]] = st.lists(
    st.builds(
        attempt,
        st.sampled_from(("azure-mini", "openai-mini")),
        st.sampled_from((None, "timeout")),
        SECONDS,
        st.sampled_from((200, 503, None)),
    ),
    max_size=3,
)
CALLS: st.SearchStrategy[Closed] = st.builds(
    settled,
    st.sampled_from(("mini", "large", "tiny")),
    TRIES,
    outcome=st.sampled_from((Outcome.FINISHED, Outcome.FAILED)),
    error=st.sampled_from((None, "timeout")),
    duration_s=SECONDS,
    overhead_s=SECONDS,
    first_content_s=st.one_of(st.none(), SECONDS),
    cost_nano=st.integers(0, 10**12),
    usage=st.builds(Usage, *[st.integers(0, 3)] * 5),
)
FLOATS = re.compile(r"(_sum\S*) \S+$", re.MULTILINE)


@given(st.lists(CALLS, max_size=150))
def test_together(calls: list[Closed]) -> None:
    """Every sample is the same, but for sums of seconds: those of floats depend on the order."""
    together, single = [CallMeter({"azure-mini": "Azure"}.get) for _ in range(2)]
    for call in calls:
        together.settled(call)
        single.settled(call)
        single.fold()
    assert FLOATS.sub(r"\1", text_of(together)) == FLOATS.sub(r"\1", text_of(single))


def test_what_finds_no_room_together() -> None:
    """Each call counts once, whatever of it shares a series, and each of its attempts."""
    calls = [settled(first_content_s=0.5), settled(), settled("other", first_content_s=0.5)]
    all_lines = CallMeter(lambda _: "Azure")
    for call in calls:
        all_lines.settled(call)
    all_lines.fold()
    for most, missed in ((all_lines.room.taken, 0), (0, 2 * len(calls))):
        meter = CallMeter(lambda _: "Azure", Room(most))
        for call in calls:
            meter.settled(call)
        meter.fold()
        assert meter.overflowed == missed
    # All have room but what takes the most lines: when the first content came.
    room = Room(all_lines.room.taken)
    meter = CallMeter(lambda _: "Azure", room)
    meter.settled(calls[1])
    meter.fold()
    room.most = room.taken
    for call in (calls[0], calls[0], calls[1]):
        meter.settled(call)
    meter.fold()
    assert meter.overflowed == 2
