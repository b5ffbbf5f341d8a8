"""`POST /admin/explain` and `llmproxy explain`, on a server that then serves the same requests."""

import json
from typing import Any

import pytest

from tests.api.asking import Answer, ask
from tests.api.explain.conftest import ADMIN_KEY, ANTHROPIC_KEY, MODELS, OPENAI_KEY, Stage
from tests.api.explain.showing import check_same
from tests.api.gateway import run
from tests.simulators.bodies import HELLO, WEATHER

SECRETS = (ADMIN_KEY, OPENAI_KEY, ANTHROPIC_KEY, "vertex-token", "PRIVATE KEY")
BODIES: dict[str, dict[str, Any]] = {
    "plain": {"messages": HELLO, "max_tokens": 50},
    "stream": {"messages": HELLO, "stream": True},
    "tools": {"messages": HELLO, "tools": [WEATHER], "temperature": 0.5, "user": "someone"},
}


def explained(stage: Stage, body: object, **more: object) -> Answer:
    """An explanation for the project's key; nothing has happened by it."""
    before = stage.traces()
    answer = stage.explain({"body": body, "as": {"key_id": stage.alpha_id}, **more})
    assert stage.traces() == before
    assert answer.status == 200, answer.body
    assert not [secret for secret in SECRETS if secret.encode() in answer.body]
    return answer


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize("model", MODELS)
def test_what_is_shown_is_what_is_sent(stage: Stage, model: str, name: str) -> None:
    """Byte for byte, by the deployment whose turn it is; masked is what is secret only."""
    body = {"model": model, **BODIES[name]}
    for _ in range(2):
        answer = explained(stage, body)
        for vendor in stage.vendors.values():
            vendor.reset()
        served = stage.send(body)

        assert served.status == 200
        [record] = [each for vendor in stage.vendors.values() for each in vendor.requests]
        check_same(answer.body, record)
        assert answer.json["served_by"] == served.headers["x-llmproxy-deployment"]
        [told] = [each for each in answer.json["candidates"] if each["turn"] == 1]
        for header, fields in (("changed", told["changed"]), ("dropped", told["dropped"])):
            listed = served.headers.get(f"x-llmproxy-{header}", "")
            assert listed == ", ".join(fields)


@pytest.mark.parametrize("model", ["small", "claude"])
def test_responses(stage: Stage, model: str) -> None:
    """Whether the provider answers them or they are made of a chat."""
    body = {"model": model, "input": "hello there", "store": False}
    answer = explained(stage, body, endpoint="/v1/responses")
    assert stage.send(body, "/v1/responses").status == 200
    [record] = [each for vendor in stage.vendors.values() for each in vendor.requests]
    check_same(answer.body, record)


def test_a_response_that_goes_on(stage: Stage) -> None:
    """The id is the provider's own in what is shown, and the caller's project counts."""
    first = stage.send({"model": "pair", "input": "one"}, "/v1/responses")
    stage.vendors["openai"].reset()
    body = {"model": "pair", "input": "two", "previous_response_id": first.json["id"]}
    answer = explained(stage, body, endpoint="/v1/responses")
    assert answer.json["served_by"] == first.headers["x-llmproxy-deployment"]
    assert [each["code"] for each in answer.json["left_out"]] == ["previous_response_elsewhere"]
    assert stage.send(body, "/v1/responses").status == 200
    [record] = stage.vendors["openai"].requests
    check_same(answer.body, record)

    stranger = stage.explain(
        {"endpoint": "/v1/responses", "body": body, "as": {"project": "beta"}}
    ).json
    assert stranger["refused"]["error"]["code"] == "previous_response_not_found"


@pytest.mark.parametrize(
    ("body", "by"),
    [
        ({"model": "nothing", "messages": HELLO}, "model"),
        ({"model": "unready", "messages": HELLO}, "model"),
        ({"messages": HELLO}, "body"),
        ({"model": "small", "messages": HELLO, "temperature": 9}, "body"),
        ({"model": "small", "messages": "hello"}, "body"),
        ({"model": "claude", "messages": HELLO, "seed": 1}, "adapter"),
        ({"model": "gemini", "messages": HELLO, "logit_bias": {"1": 1}}, "adapter"),
    ],
)
def test_refusals_are_those_of_the_server(stage: Stage, body: object, by: str) -> None:
    """Status and envelope, word for word."""
    answer = explained(stage, body).json
    served = stage.send(body)
    refused = answer["refused"]
    assert (refused["by"], refused["status"]) == (by, served.status)
    assert {"error": refused["error"]} == served.json
    assert answer["served_by"] is None


def test_an_unwilling_adapter_is_passed_over(stage: Stage) -> None:
    """As when the request is sent: the other deployment answers."""
    body = {"model": "mixed", "messages": HELLO, "seed": 1}
    for _ in range(2):
        answer = explained(stage, body)
        assert answer.json["served_by"] == "mixed-gpt"
        assert stage.send(body).headers["x-llmproxy-deployment"] == "mixed-gpt"
        check_same(answer.body, stage.vendors["openai"].requests[-1])


def test_a_private_model(stage: Stage) -> None:
    """It is there for its project, and nothing is sent for it."""
    body = {"model": "plan", "messages": HELLO}
    mine = explained(stage, body).json
    assert (mine["served_by"], mine["candidates"][0]["request"]) == ("plan", None)
    other = stage.explain({"body": body, "as": {"project": "beta"}}).json
    assert (other["served_by"], other["refused"]["status"]) == (None, 404)
    assert other["left_out"][0]["reason"] == "it is private to alpha"


def test_figures(stage: Stage) -> None:
    """Reserved is what the journal then says of the same request."""
    body = {"model": "small", "messages": HELLO, "max_tokens": 50}
    answer = explained(stage, body).json
    stage.send(body)
    lines = [json.loads(line) for line in stage.traces()[0].splitlines()]
    [opened] = [line for line in lines if "outcome" not in line][-1:]
    assert answer["reservation"]["cost"]["nano"] == opened["reserved_nano"]
    assert answer["tokens"]["output_at_most"] == 50
    [limit] = answer["limits"]
    assert (limit["used"], limit["setting"]) == (0, "MAX_CONCURRENT_REQUESTS")


def test_numbers_keep_their_digits(stage: Stage) -> None:
    """The body is read as the bytes that it is."""
    raw = b'{"body": {"model":"small","messages":[],"x": 1E400 ,"messages2":1}, "as": null}'
    raw = raw.replace(b"[]", b'[{"role":"user","content":"x"}]')
    answer = ask_raw(stage, raw)
    assert b'"x":1E400' in answer.body


def ask_raw(stage: Stage, raw: bytes) -> Answer:
    """POST these very bytes."""
    import http.client  # noqa: PLC0415 - `ask` sends what it encodes itself

    connection = http.client.HTTPConnection(stage.gateway.url.removeprefix("http://"), timeout=10)
    try:
        headers = {"authorization": f"Bearer {ADMIN_KEY}", "content-type": "application/json"}
        connection.request("POST", "/admin/explain", body=raw, headers=headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("who", ["nobody", "wrong", "project"])
def test_an_admin_key_is_needed(stage: Stage, who: str) -> None:
    """Others do not learn anything."""
    key = {"nobody": None, "wrong": "sk-llmproxy-wrong", "project": stage.alpha}[who]
    answer = stage.explain({"body": {}}, key)
    assert answer.status == (403 if who == "project" else 401)


def test_the_command_line_says_the_same(stage: Stage) -> None:
    """Without the server, and without a token of Google's; or by way of it."""
    for model in ("claude", "gemini", "small"):
        body = {"model": model, **BODIES["tools"]}
        over_http = explained(stage, body).json
        before = stage.traces()
        arguments = ("explain", "-", "--key", stage.alpha_id)
        printed = run(stage.gateway.environment, *arguments, "--json", given=json.dumps(body))
        shown = run(stage.gateway.environment, *arguments, given=json.dumps(body))
        remote = ("--url", stage.gateway.url, "--json")
        asked = run(stage.gateway.environment, *arguments, *remote, given=json.dumps(body))
        assert stage.traces() == before
        assert json.loads(printed) == json.loads(asked) == over_http
        assert f"answer    from {model}" in shown
        assert not [secret for secret in SECRETS if secret in printed + shown]


def test_it_is_described(stage: Stage) -> None:
    """In the OpenAPI document, with what it takes and what it answers."""
    document = ask(
        stage.gateway.url, "/openapi.json", headers={"authorization": f"Bearer {ADMIN_KEY}"}
    ).json
    described = document["paths"]["/admin/explain"]["post"]
    assert "Explanation" in json.dumps(described["responses"]["200"])
    taken = described["requestBody"]["content"]["application/json"]["schema"]
    assert set(taken["properties"]) == {"endpoint", "body", "as"}
