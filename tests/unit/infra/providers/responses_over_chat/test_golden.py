"""Pairs of requests and of answers, on both sides of the translation."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.unit.infra.providers.responses_over_chat.chatting import (
    Chatting,
    Json,
    event,
    events_in,
    masked,
    read,
    says,
)

FOLDER = Path(__file__).parents[4] / "recorded" / "responses_over_chat"
PAIRS = {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def _of(*fields: str) -> pytest.MarkDecorator:
    chosen = {name: pair for name, pair in PAIRS.items() if any(each in pair for each in fields)}
    assert chosen
    return pytest.mark.parametrize("pair", chosen.values(), ids=chosen.keys())


@_of("chat_request")
def test_what_the_chat_is_asked(pair: Json) -> None:
    """The very fields, and no other."""
    chatting = Chatting()
    if "chunks" in pair:
        chatting.streamed([], pair["request"])
    else:
        chatting.whole(pair["request"], pair.get("chat_answer") or says("x"))
    assert chatting.asked == pair["chat_request"]
    assert chatting.chat.calls[-1].endpoint == "chat/completions"


@_of("response", "output")
def test_what_the_client_gets(pair: Json) -> None:
    """The very fields of the response, or of its output."""
    reply = Chatting().whole(pair["request"], pair["chat_answer"])
    response = masked(json.loads(reply.body))
    if "response" in pair:
        assert response == pair["response"]
    else:
        assert response["output"] == pair["output"]
    told = [line.decode() for line in reply.headers[1:]]
    assert told == pair.get("headers", [])


@_of("events")
def test_the_events_one_by_one(pair: Json) -> None:
    """Types and fields in their order; whole responses begin and end it."""
    batches = [event(each) for each in pair["chunks"]]
    said = asyncio.run(read(Chatting().streamed([*batches, None], pair["request"])))
    events = events_in(said)

    told = []
    for number, each in enumerate(events):
        assert each.pop("sequence_number") == number
        each.pop("response", None)
        told.append([each.pop("type"), masked(each)])
    assert told == pair["events"]

    first, last = events_in(said)[0]["response"], events_in(said)[-1]["response"]
    done = [each[1]["item"] for each in told if each[0] == "response.output_item.done"]
    assert masked(last["output"]) == done
    assert (first["id"], first["status"], first["output"]) == (last["id"], "in_progress", [])
    assert last["usage"]["total_tokens"] == 14
