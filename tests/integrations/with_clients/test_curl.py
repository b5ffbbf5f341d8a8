"""curl: what a shell sees, headers and all."""

import json
import shutil
from collections.abc import Sequence
from typing import NamedTuple

import pytest

from tests.api.documented import output
from tests.api.programs import needs
from tests.integrations.stage import CHAT, ECHO, EMBEDDER, WINDOW_S, Stage

BODY = {"model": CHAT, "messages": [{"role": "user", "content": "hello there"}]}
ANSWER = "Simulated answer to: hello there"


class Said(NamedTuple):
    """An answer as curl prints it with `--include`; header names in small letters."""

    status: int
    headers: dict[str, str]
    body: str


def curl(stage: Stage, path: str, *options: str, body: object = None, key: str = "") -> Said:
    """Ask once."""
    needs(shutil.which("curl"), "curl")
    words = ["curl", "-sS", "--include", "--max-time", "30", stage.gateway.base_url + path]
    words += ["-H", f"Authorization: Bearer {key or stage.key}", *options]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    head, _, said = output(words, stage.environment).replace("\r\n", "\n").partition("\n\n")
    first, *lines = head.splitlines()
    named = (line.partition(": ") for line in lines)
    return Said(int(first.split()[1]), {name.lower(): value for name, _, value in named}, said)


def test_the_models(stage: Stage) -> None:
    """Those that the key may see are listed."""
    said = curl(stage, "/models")
    listed = {each["id"] for each in json.loads(said.body)["data"]}
    assert said.status == 200
    assert {CHAT, ECHO, EMBEDDER} <= listed
    assert json.loads(curl(stage, f"/models/{ECHO}").body)["object"] == "model"


def test_an_answer(stage: Stage) -> None:
    """A whole answer, a tool that is called, and the id of the request."""
    said = curl(stage, "/chat/completions", body=BODY)
    assert json.loads(said.body)["choices"][0]["message"]["content"] == ANSWER
    assert said.headers["x-request-id"].startswith("req_")
    tool = {"type": "function", "function": {"name": "get_weather", "parameters": {}}}
    called = curl(stage, "/chat/completions", body=BODY | {"tools": [tool]})
    [call] = json.loads(called.body)["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"


def test_a_stream(stage: Stage) -> None:
    """With --no-buffer its events are printed as they come."""
    said = curl(stage, "/chat/completions", "--no-buffer", body=BODY | {"stream": True})
    assert said.headers["content-type"].startswith("text/event-stream")
    *events, done, _ = said.body.split("\n\n")
    assert done == "data: [DONE]"
    assert len(events) > 3
    assert all(event.startswith("data: {") for event in events)


@pytest.mark.parametrize(
    ("path", "body", "key", "status", "code"),
    [
        ("/chat/completions", BODY, "sk-wrong", 401, "invalid_api_key"),
        ("/chat/completions", BODY | {"model": "gpt-0"}, "", 404, "model_not_found"),
        ("/chat/completions", BODY | {"messages": []}, "", 400, "empty_array"),
        ("/nothing", BODY, "", 404, "unknown_url"),
    ],
)
def test_refusals(
    stage: Stage, path: str, body: object, key: str, status: int, code: Sequence[str]
) -> None:
    """They are OpenAI's envelope with a code."""
    said = curl(stage, path, body=body, key=key)
    assert said.status == status
    assert json.loads(said.body)["error"]["code"] == code


def test_over_a_limit(stage: Stage) -> None:
    """The second call of a minute is told when there is room again."""
    key = stage.limited_key()
    assert curl(stage, "/chat/completions", body=BODY, key=key).status == 200
    said = curl(stage, "/chat/completions", body=BODY, key=key)
    assert (said.status, json.loads(said.body)["error"]["code"]) == (429, "rate_limit_exceeded")
    assert 1 <= int(said.headers["retry-after"]) <= WINDOW_S
