"""Health, models, metrics and what is answered where nothing lives, on a server without keys."""

import openai
import pytest

from tests import exposition
from tests.api.asking import ask
from tests.api.gateway import Gateway


def test_health_is_exactly_as_described(gateway: Gateway) -> None:
    """`/health` answers these bytes and nothing else."""
    answer = ask(gateway.url, "/health")

    assert answer.status == 200
    assert answer.body == b'{"status":"healthy","environment":"development"}'
    assert answer.headers["content-type"] == "application/json"


def test_live_and_ready(gateway: Gateway) -> None:
    """A started server is live and ready, and counts its models."""
    assert ask(gateway.url, "/health/live").json == {"status": "live"}
    ready = ask(gateway.url, "/health/ready")
    assert ready.status == 200
    assert ready.json["status"] == "ready"
    assert ready.json["models"]["ready"] > 10


def test_models_are_listed_in_openais_shape(client: openai.OpenAI, gateway: Gateway) -> None:
    """The SDK reads the list; older clients find the fields they look for."""
    models = {model.id: model for model in client.models.list()}
    assert models["gpt-4o-mini"].owned_by == "openai"
    assert models["azure-dated"].owned_by == "azure"
    assert models["gpt-4o-mini"].created > 1_700_000_000

    raw = ask(gateway.url, "/v1/models").json
    assert raw["object"] == "list"
    card = next(each for each in raw["data"] if each["id"] == "gpt-4o-mini")
    assert card == {
        "id": "gpt-4o-mini",
        "object": "model",
        "created": card["created"],
        "owned_by": "openai",
        "permission": [],
        "root": "gpt-4o-mini",
        "parent": None,
    }


def test_one_model_is_retrieved(client: openai.OpenAI, gateway: Gateway) -> None:
    """A model is found by its code."""
    assert client.models.retrieve("azure-v1").owned_by == "azure"
    assert ask(gateway.url, "/v1/models/azure-v1").json["object"] == "model"


@pytest.mark.parametrize("name", ["no-such-model", "a/b/c", "x" * 300, "%E2%82%AC"])
def test_an_unknown_model_is_told_in_openais_words(gateway: Gateway, name: str) -> None:
    """A model that does not exist is 404 `model_not_found`, whatever it is called."""
    answer = ask(gateway.url, f"/v1/models/{name}")

    assert answer.status == 404
    assert answer.error["code"] == "model_not_found"
    assert answer.error["type"] == "invalid_request_error"
    assert "does not exist or you do not have access to it" in answer.error["message"]


@pytest.mark.conformance(
    operation="models", provider=("OpenAI", "AzureOpenAI", "AzureFoundry"), aspect="errors"
)
def test_an_unknown_model_raises_in_the_sdk(client: openai.OpenAI) -> None:
    """openai-python knows the error by its class."""
    with pytest.raises(openai.NotFoundError) as raised:
        client.models.retrieve("no-such-model")
    assert raised.value.code == "model_not_found"


@pytest.mark.parametrize(
    "path",
    [
        "/nothing/here",
        "/v1",
        "/v1/embeddings/",
        "/v1/embeddings/1",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_where_nothing_lives_yet(gateway: Gateway, method: str, path: str) -> None:
    """A path that OpenAI does not serve either is a clear 404, which no SDK retries."""
    body = {"model": "gpt-4o-mini"} if method == "POST" else None
    answer = ask(gateway.url, path, method=method, body=body)

    assert answer.status == 404
    assert answer.error["code"] == "unknown_url"
    assert answer.error["message"].startswith(f"Invalid URL ({method} {path}).")
    assert answer.headers["x-should-retry"] == "false"


def test_a_base_url_without_the_version(gateway: Gateway) -> None:
    """Whoever forgot the `/v1` is told so: the SDKs put only the rest of a path behind it."""
    client = openai.OpenAI(base_url=gateway.url, api_key="-", max_retries=0)
    with pytest.raises(openai.NotFoundError, match="base URL ends in /v1"):
        client.chat.completions.create(model="echo", messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.NotFoundError, match="base URL ends in /v1"):
        client.models.list()


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/embeddings", "POST"),
        ("DELETE", "/v1/chat/completions", "POST"),
        ("POST", "/v1/models", "GET"),
        ("DELETE", "/v1/models/gpt-4o-mini", "GET"),
        ("PUT", "/health", "GET"),
        ("POST", "/openapi.json", "GET"),
    ],
)
def test_a_wrong_method(gateway: Gateway, method: str, path: str, allowed: str) -> None:
    """Another method than the one that lives there is 405 with `allow`."""
    answer = ask(gateway.url, path, method=method)

    assert answer.status == 405
    assert answer.headers["allow"] == allowed
    assert answer.error["code"] == "method_not_supported"


def test_metrics_count_what_was_served(client: openai.OpenAI, gateway: Gateway) -> None:
    """A call that finished is one more of its model and outcome, and in the histogram."""
    labels = {"model": "small", "operation": "ChatCompletion"}
    count = "llmproxy_request_duration_seconds_count"
    before = _figure(gateway, count, **labels)
    finished = _figure(gateway, "llmproxy_requests_total", **labels, outcome="finished")
    client.chat.completions.create(model="small", messages=[{"role": "user", "content": "Hi"}])

    assert _figure(gateway, count, **labels) == before + 1
    now = _figure(gateway, "llmproxy_requests_total", **labels, outcome="finished")
    assert now == finished + 1
    assert _figure(gateway, "llmproxy_requests_in_flight") == 0
    assert _figure(gateway, "llmproxy_ledger_lost_total") == 0
    opened = _figure(gateway, "llmproxy_ledger_opened_total")
    assert opened == _figure(gateway, "llmproxy_ledger_closed_total") > 0


def _figure(gateway: Gateway, name: str, **labels: str) -> float:
    """The sum of all series that have these labels; 0 without any."""
    answer = ask(gateway.url, "/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    samples = exposition.read(answer.body.decode())
    wanted = set(labels.items())
    return sum(each for (of, has), each in samples.items() if of == name and wanted <= set(has))


def test_every_answer_has_an_id_of_its_own(gateway: Gateway) -> None:
    """Request ids never repeat, and the client's own id does not take their place."""
    sent = {"x-request-id": "mine"}
    seen = [ask(gateway.url, "/health", headers=sent).headers["x-request-id"] for _ in range(20)]
    assert len(set(seen)) == 20
    assert "mine" not in seen
