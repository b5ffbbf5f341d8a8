"""Calls of every operation count: requests, tokens, money. Sessions end with their budget."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import openai
import pytest

from tests.api.asking import within
from tests.api.limits.stage import TOKEN, Stage
from tests.api.raw import connected
from tests.api.realtime.raw_socket import RawSocket, handshake, refused
from tests.api.traces import opened, settled

WIDE = {"requests_per_month": 1000, "tokens_total": 10**9, "cost_total": 10**6}

Ask = Callable[[openai.OpenAI], Any]


def _speech(client: openai.OpenAI) -> Any:  # noqa: ANN401 - as the SDK's
    return client.audio.speech.create(model="voice", input="Hello!" * 9, voice="coral").content


def _streamed(client: openai.OpenAI) -> Any:  # noqa: ANN401
    return list(client.responses.create(model="counted", input="one two", stream=True))


ASKED: dict[str, Ask] = {
    "embeddings": lambda client: client.embeddings.create(model="embedder", input="one two"),
    "images": lambda client: client.images.generate(model="painter", prompt="a red square"),
    "speech": _speech,
    "seconds": lambda client: client.audio.transcriptions.create(
        model="typist", file=("a.mp3", bytes(5000))
    ),
    "transcriptions": lambda client: client.audio.transcriptions.create(
        model="listener", file=("a.mp3", bytes(5000))
    ),
    "responses": lambda client: client.responses.create(model="counted", input="one two"),
    "streamed responses": _streamed,
    "completions": lambda client: client.completions.create(model="instruct", prompt="one two"),
}


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    whole_stage.hand_out(
        wide={"limits": WIDE, "project_limits": WIDE},
        unlimited={},
        talking={"limits": {"cost_total": 0}},
    )


def told(stage: Stage) -> tuple[Decimal, ...]:
    """What is used of requests, tokens and money; nothing is held, key and project agree."""
    limits = stage.limits("wide")
    for each in limits.values():
        assert Decimal(each["held"] or 0) == 0
    found = []
    for field in WIDE:
        used = {Decimal(limits[f"{scope} {field}"]["used"]) for scope in ("key", "project")}
        assert len(used) == 1
        found += used
    return tuple(found)


def counts(line: dict[str, Any]) -> tuple[Decimal, ...]:
    """What a settlement says that was used; the first ten figures of its usage are tokens."""
    cost = Decimal(line["cost_nano"]) / 10**9
    return Decimal(line["counted"]), Decimal(sum(line["usage"][:10])), cost


@pytest.mark.parametrize("operation", ASKED)
def test_each_counts_as_it_is_settled(stage: Stage, operation: str) -> None:
    """Once, with all of its tokens and its cost."""
    before = told(stage)
    with stage.client("wide") as client:
        ASKED[operation](client)
    assert within(5, lambda: told(stage)[0] == before[0] + 1)
    used = tuple(now - then for now, then in zip(told(stage), before, strict=True))
    line = settled(stage.gateway)[-1]
    assert (line["key_id"], line["outcome"]) == (stage.keys["wide"].id, "finished")
    assert used == counts(line)
    assert used[2] > 0


def test_background_counts_all_that_it_may_use(stage: Stage) -> None:
    """Nobody has to come back for it; asking for it by its id counts nothing."""
    before = told(stage)
    with stage.client("wide") as client:
        made = client.responses.create(
            model="counted", input="one two", background=True, max_output_tokens=50
        )
        after = told(stage)
        assert client.responses.retrieve(made.id).id == made.id
    used = tuple(now - then for now, then in zip(after, before, strict=True))
    assert used == counts(settled(stage.gateway)[-1])
    assert used[2] == 50 * TOKEN
    assert told(stage) == after


def test_the_ledger_comes_to_the_same(stage: Stage) -> None:
    """The rows of all these calls."""
    requests, tokens, cost = told(stage)
    rows = stage.rows("wide", int(requests))
    assert sum(Decimal(row["cost"]) for row in rows) == cost
    assert (
        sum(
            count
            for row in rows
            for name, count in row["usage"].items()
            if name.endswith("_tokens")
        )
        == tokens
    )


@contextmanager
def talking(stage: Stage, name: str) -> Iterator[RawSocket]:
    """A session with a key."""
    with connected(stage.gateway.url) as wire:
        wire.send(asked(stage, name))
        assert wire.head()[0] == 101
        session = RawSocket(wire, {})
        assert session.event()["type"] == "session.created"
        yield session


def asked(stage: Stage, name: str) -> bytes:
    """The request for a session."""
    key = b"authorization: Bearer " + stage.keys[name].key.encode()
    return handshake(key, path=b"/v1/realtime?model=talker")


def response(session: RawSocket) -> Decimal:
    """Ask for a response in text; what it costs by the usage that the provider tells."""
    session.say(type="response.create", response={"output_modalities": ["text"]})
    event = session.event()
    while event["type"] != "response.done":
        assert event["type"] != "error", event
        event = session.event()
    usage = event["response"]["usage"]
    cost = Decimal(4 * usage["input_tokens"] + 16 * usage["output_tokens"]) / 10**6
    assert cost > 0
    return cost


def test_a_session_ends_with_its_budget(stage: Stage) -> None:
    """Between two responses: with an event that says so, and nothing is spent beyond it."""
    with talking(stage, "unlimited") as session:
        first = response(session)
    held = Decimal(opened(stage.gateway)[-1]["reserved_nano"]) / 10**9
    budget = held + first
    path = f"/admin/keys/{stage.keys['talking'].id}"
    stage.admin.done("PATCH", path, {"limits": {"cost_total": float(budget)}})
    most = f"{budget:.9f}"
    assert within(5, lambda: stage.limits("talking")["key cost_total"]["most"] == most)

    with talking(stage, "talking") as session:
        assert stage.told("talking", "key cost_total") == (0, held)
        cost = response(session) + response(session)
        error = session.event()
        assert (error["type"], error["error"]["code"]) == ("error", "insufficient_quota")
        assert session.closed()[0] == 1008

    assert within(5, lambda: stage.told("talking", "key cost_total") == (cost, 0))
    answer = refused(stage.gateway.url, asked(stage, "talking"))
    assert (answer.status, answer.error["code"]) == (429, "insufficient_quota")
    assert sum(Decimal(row["cost"]) for row in stage.rows("talking", 2)) == cost <= budget
