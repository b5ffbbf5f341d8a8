"""In JSON every line is an object, and access lines say what the ledger says."""

import http.client
import json
from collections.abc import Iterator
from decimal import Decimal

import openai
import pytest

from tests.api.asking import ask, bearer, within
from tests.api.gateway import GREETING
from tests.api.logs.stage import CHAT, PATIENCE_S, Line, Stage, access, objects, staged

OWN = {"model", "operation", "deployment", "outcome", "project", "currency", "stream"}
"""Fields that have one name in a line and in a row."""
USAGE = (
    "input_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "output_tokens",
    "reasoning_tokens",
)


@pytest.fixture(scope="module", name="stage")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("lines")
    with staged(folder, ENVIRONMENT="production", LOG_LEVEL="debug") as stage:
        yield stage
        greetings = [each["message"] for each in objects(stage.gateway.log)]
        assert len([each for each in greetings if each.startswith(GREETING)]) == 1


@pytest.fixture(autouse=True, name="fresh")
def _fresh(stage: Stage) -> None:
    stage.upstream.reset()


def same(line: Line, row: Line) -> None:
    """Check that an access line says what the row of the same call says."""
    assert {name: line.get(name) for name in OWN} == {name: row[name] for name in OWN}
    assert line["key_id"] == row["key"]
    assert line.get("error") == row["error"]
    assert line.get("upstream_status") == row["status"]
    assert line["attempts"] == len(row["attempts"])
    used = row["usage"]
    assert {name: line.get(name, 0) for name in USAGE} == {name: used[name] for name in USAGE}
    assert line.get("estimated", False) is row["estimated"]
    assert Decimal(repr(line["cost"])) == Decimal(row["cost"])
    assert line["overhead_ms"] == pytest.approx(row["overhead_s"] * 1000, abs=0.001)
    first = row["first_content_s"]
    assert ("first_token_ms" in line) == (first is not None)
    if first is not None:
        assert line["first_token_ms"] == pytest.approx(first * 1000, abs=0.001)
    assert line["duration_ms"] >= row["duration_s"] * 1000 - 1
    assert line.get("tags", []) == row["tags"]


def checked(stage: Stage, request_id: str) -> Line:
    """The line of a call, once its row is there and says the same."""
    assert within(PATIENCE_S, lambda: request_id in stage.rows()), "no row"
    line = stage.line(request_id)
    same(line, stage.rows()[request_id])
    return line


def test_a_plain_answer(stage: Stage) -> None:
    """With the ids of all three: the gateway's, the client's, the provider's."""
    headers = {"x-request-id": "of-the-client", "x-llmproxy-tag": "blue"}
    answer = stage.chat(stage.keys["alpha"], "mini", headers=headers)
    line = checked(stage, answer.headers["x-request-id"])

    assert (line["level"], line["method"], line["path"]) == ("INFO", "POST", CHAT)
    assert (line["status"], line["outcome"], line["provider"]) == (200, "finished", "OpenAI")
    assert line["client_request_id"] == "of-the-client"
    assert line["upstream_request_id"] == answer.headers["x-llmproxy-upstream-request-id"]
    assert line["cost"] > 0
    assert "client_ip" not in line


def test_a_stream(stage: Stage) -> None:
    """One line, at its end."""
    with stage.client("alpha") as client:
        raw = client.chat.completions.with_raw_response.create(
            model="mini", messages=[{"role": "user", "content": "one two"}], stream=True
        )
        assert len(list(raw.parse())) > 1
    line = checked(stage, raw.headers["x-request-id"])
    assert (line["stream"], line["status"], line["outcome"]) == (True, 200, "finished")


def test_embeddings(stage: Stage) -> None:
    """Any operation."""
    with stage.client("beta") as client:
        raw = client.embeddings.with_raw_response.create(model="embedder", input="word")
    line = checked(stage, raw.headers["x-request-id"])
    assert (line["operation"], line["path"], line["project"]) == (
        "embeddings",
        "/v1/embeddings",
        "beta",
    )


def test_a_failure(stage: Stage) -> None:
    """The client's status, the provider's, and the code."""
    stage.upstream.fail_next("status", status=503)
    answer = stage.chat(stage.keys["alpha"], "mini")
    line = checked(stage, answer.headers["x-request-id"])
    assert (line["level"], line["status"], line["upstream_status"]) == ("ERROR", answer.status, 503)
    assert (line["outcome"], line["error"]) == ("failed", answer.error["code"])


def test_a_failed_stream(stage: Stage) -> None:
    """One that broke behind its status: 200 is what the client got, and the outcome tells."""
    stage.upstream.fail_next("cut_mid_stream")
    with stage.client("alpha") as client:
        raw = client.chat.completions.with_raw_response.create(
            model="mini", messages=[{"role": "user", "content": "one two three"}], stream=True
        )
        with pytest.raises(openai.APIError):
            list(raw.parse())
    line = checked(stage, raw.headers["x-request-id"])
    assert (line["status"], line["outcome"]) == (200, "failed")


def test_a_retry(stage: Stage) -> None:
    """Both attempts are counted."""
    stage.upstream.fail_next("status", status=503)
    answer = stage.chat(stage.keys["alpha"], "again")
    line = checked(stage, answer.headers["x-request-id"])
    assert (line["attempts"], line["outcome"], answer.status) == (2, "finished", 200)


def test_a_cached_answer(stage: Stage) -> None:
    """Nobody was asked, and nothing was paid."""
    first, second = (stage.chat(stage.keys["alpha"], "kept", text="again?") for _ in range(2))
    line = checked(stage, first.headers["x-request-id"])
    assert (line["cache"], line["outcome"]) == ("miss", "finished")
    line = checked(stage, second.headers["x-request-id"])
    assert (line["cache"], line["outcome"], line["attempts"]) == ("hit", "cached", 0)
    assert line["cost"] == 0


def test_a_refusal_by_the_provider(stage: Stage) -> None:
    """Its code is told, and the keys that it repeats are not."""
    secret = "sk-simulator"
    said = {"error": {"message": f"no {secret}", "code": f"no {secret}\n\u2028\x1b[2J"}}
    stage.upstream.fail_next("status", status=400, body=json.dumps(said))
    answer = stage.chat(stage.keys["alpha"], "mini")
    line = stage.line(answer.headers["x-request-id"])
    assert (line["status"], line["outcome"]) == (400, "refused")
    assert line["error"].startswith("no *****\n")
    assert secret not in stage.gateway.log


def test_without_a_key(stage: Stage) -> None:
    """Refused before it was a call: no row, and a line."""
    answer = stage.chat("sk-wrong", "mini")
    line = stage.line(answer.headers["x-request-id"])
    assert (line["status"], line["error"]) == (401, "invalid_api_key")
    assert not {"key_id", "project", "outcome", "cost"} & set(line)


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/v1/models", "invalid_api_key"),
        ("GET", "/metrics", "invalid_api_key"),
        ("GET", "/admin/models", "invalid_api_key"),
        ("POST", "/chat/completions", "unknown_url"),
        ("DELETE", "/health", "method_not_supported"),
        ("GET", "/health", None),
    ],
)
def test_what_is_no_call_has_its_code_too(
    stage: Stage, method: str, path: str, code: str | None
) -> None:
    """Its own: a request after one that was refused has none."""
    answer = ask(stage.gateway.url, path, method=method)
    assert stage.line(answer.headers["x-request-id"]).get("error") == code


def test_over_a_limit(stage: Stage) -> None:
    """Refused at the gate: who asked for what, and no row."""
    first, second = (stage.chat(stage.keys["capped"], "mini") for _ in range(2))
    assert (first.status, second.status) == (200, 429)
    checked(stage, first.headers["x-request-id"])
    line = stage.line(second.headers["x-request-id"])
    assert (line["project"], line["model"], line["error"]) == (
        "capped",
        "mini",
        second.error["code"],
    )
    assert second.headers["x-request-id"] not in stage.rows()


@pytest.mark.parametrize(
    ("body", "status", "named"),
    [({"model": 7}, 400, False), ({"model": "none\u2028such\n", "messages": []}, 400, False)],
)
def test_bad_bodies(stage: Stage, body: object, status: int, *, named: bool) -> None:
    """Who sent them is known by the key."""
    headers = bearer(stage.keys["beta"])
    answer = ask(stage.gateway.url, CHAT, method="POST", headers=headers, body=body)
    line = stage.line(answer.headers["x-request-id"])
    assert (line["status"], line["project"]) == (status, "beta")
    assert ("model" in line) is named


def test_an_unknown_model(stage: Stage) -> None:
    """Its name is the client's, on one line."""
    answer = stage.chat(stage.keys["alpha"], "no\u2028such\nmodel\x7f")
    assert answer.status == 404
    line = stage.line(answer.headers["x-request-id"])
    assert (line["model"], line["error"]) == ("no\u2028such\nmodel\x7f", "model_not_found")


def test_who_left(stage: Stage) -> None:
    """Before the answer: 499; the row says aborted."""
    stage.upstream.fail_next("hang_before_headers")
    host = stage.gateway.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=10)
    body = json.dumps({"model": "mini", "messages": [{"role": "user", "content": "leave"}]})
    headers = bearer(stage.keys["alpha"]) | {
        "content-type": "application/json",
        "x-client-request-id": "leaving",
    }
    connection.request("POST", CHAT, body, headers)
    assert within(PATIENCE_S, lambda: len(stage.upstream.requests) == 1)
    connection.close()

    found: list[Line] = []

    def there() -> bool:
        found[:] = [
            each for each in access(stage.lines()) if each.get("client_request_id") == "leaving"
        ]
        return bool(found)

    assert within(PATIENCE_S, there)
    assert (found[0]["status"], found[0]["outcome"]) == (499, "aborted")
    checked(stage, found[0]["request_id"])


def test_every_request_has_one_line(stage: Stage) -> None:
    """Also those of the control plane, and those that nothing lives at."""
    answers = [
        ask(stage.gateway.url, "/health"),
        ask(stage.gateway.url, "/v1/models", headers=bearer(stage.keys["alpha"])),
        ask(stage.gateway.url, "/v1/nothing?key=sk-in-the-query", method="POST"),
    ]
    for answer in answers:
        line = stage.line(answer.headers["x-request-id"])
        assert line["status"] == answer.status
    assert "sk-in-the-query" not in stage.gateway.log


def test_records_name_their_request(stage: Stage) -> None:
    """What is logged on the way has the same id, and the audit is an object."""
    stage.upstream.fail_next("status", status=401)
    answer = stage.chat(stage.keys["alpha"], "mini")
    request_id = answer.headers["x-request-id"]
    said = [
        line
        for line in stage.lines()
        if line.get("request_id") == request_id and line["logger"] != "llmproxy.access"
    ]
    assert [line["level"] for line in said] == ["WARNING"]
