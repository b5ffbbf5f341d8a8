"""Stored responses: found by their ids, by whom they belong to, and by nobody else."""

import json

import openai
import pytest

from tests.api.asking import ask, bearer, within
from tests.api.documents import SECRETS, document
from tests.api.gateway import run, serving
from tests.api.responses.conftest import Stage
from tests.simulators.openai import OpenAISimulator
from tests.simulators.runner import running

MODELS = ["mini", "pair", "azure", "azure-dated"]


@pytest.mark.conformance(operation=("responses", "responses by id"), aspect="plain")
@pytest.mark.parametrize("model", MODELS)
def test_a_life(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Read, listed, deleted, gone; only the making of it is in the journal."""
    made = client.responses.create(model=model, input="hello")
    again = client.responses.retrieve(made.id, include=["message.output_text.logprobs"])
    items = client.responses.input_items.list(made.id, limit=1, order="asc")
    raw = client.responses.with_raw_response.retrieve(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError) as failed:
        client.responses.retrieve(made.id)

    assert (again.id, again.output_text) == (made.id, made.output_text)
    assert [item.id for item in items.data] == ["msg_0"]
    assert raw.headers["x-llmproxy-model"] == model
    assert f"Response with id '{made.id}' not found." in failed.value.message
    asked = [each for each in (stage.first, stage.second, stage.azure) if each.requests]
    targets = [record.target for record in asked[0].requests]
    assert len(asked) == 1
    assert "include[]=message.output_text.logprobs" in targets[1].replace("%5B%5D", "[]")
    assert targets[2].endswith("/input_items?limit=1&order=asc")
    stage.settled(1)


@pytest.mark.conformance(operation="responses by id", aspect="stream")
@pytest.mark.parametrize("model", ["mini", "azure"])
def test_streamed_again(client: openai.OpenAI, model: str) -> None:
    """From the beginning, from the middle, and from behind the end."""
    made = client.responses.create(model=model, input="one two three", background=True)
    events = list(client.responses.retrieve(made.id, stream=True))
    rest = list(client.responses.retrieve(made.id, stream=True, starting_after=4))
    nothing = list(client.responses.retrieve(made.id, stream=True, starting_after=len(events) - 1))

    assert [event.type for event in events][:2] == ["response.created", "response.queued"]
    assert events[0].response.id == events[-1].response.id == made.id
    assert [event.sequence_number for event in rest] == list(range(5, len(events)))
    assert rest[-1].response.id == made.id
    assert nothing == []


def test_a_failed_one_is_shown_as_it_is(client: openai.OpenAI) -> None:
    """What failed is no failure of reading it."""
    made = client.responses.create(model="mini", input="fail at once", background=True)
    events = list(client.responses.retrieve(made.id, stream=True))
    assert events[-1].type == "response.failed"
    assert events[-1].response.id == made.id


@pytest.mark.conformance(operation="responses by id", provider="OpenAI", aspect="errors")
def test_another_projects_id_does_not_exist(
    client: openai.OpenAI, stranger: openai.OpenAI, stage: Stage
) -> None:
    """Not to be read, streamed, listed, cancelled, deleted or gone on from; nobody is asked."""
    made = client.responses.create(model="mini", input="mine")
    asked = len(stage.first.requests)
    for attempt in (
        lambda: stranger.responses.retrieve(made.id),
        lambda: stranger.responses.retrieve(made.id, stream=True),
        lambda: stranger.responses.input_items.list(made.id),
        lambda: stranger.responses.cancel(made.id),
        lambda: stranger.responses.delete(made.id),
    ):
        with pytest.raises(openai.NotFoundError, match=f"'{made.id}' not found"):
            attempt()
    with pytest.raises(openai.BadRequestError) as failed:
        stranger.responses.create(model="mini", input="x", previous_response_id=made.id)
    assert failed.value.code == "previous_response_not_found"
    assert len(stage.first.requests) == asked
    assert client.responses.retrieve(made.id).id == made.id


@pytest.mark.conformance(operation="responses by id", provider="OpenAI", aspect="errors")
def test_tampered_ids(client: openai.OpenAI, stage: Stage) -> None:
    """A changed character anywhere, the upstream's own id, and any other text are no ids."""
    made = client.responses.create(model="mini", input="x")
    asked = len(stage.first.requests)
    [upstream_id, *_] = list(stage.first.kept["responses"])[-1:]
    swapped = "B" if made.id[20] == "A" else "A"
    for wrong in (
        made.id[:20] + swapped + made.id[21:],
        made.id[:-1],
        made.id + "A",
        upstream_id,
        "resp_",
        "x" * 3000,
    ):
        with pytest.raises(openai.NotFoundError):
            client.responses.retrieve(wrong)
    assert len(stage.first.requests) == asked


@pytest.mark.parametrize(
    ("method", "below", "status", "allow"),
    [
        ("PUT", "", 405, "GET, DELETE"),
        ("GET", "/cancel", 405, "POST"),
        ("POST", "/input_items", 405, "GET"),
        ("GET", "/other", 404, None),
        ("GET", "/cancel/more", 404, None),
    ],
)
def test_other_methods_and_paths(
    stage: Stage, method: str, below: str, status: int, allow: str | None
) -> None:
    """What does not exist says so, and which methods do."""
    path = f"/v1/responses/resp_1{below}"
    got = ask(stage.gateway.url, path, method=method, headers=bearer(stage.alpha))
    assert got.status == status
    assert got.headers.get("allow") == allow
    assert got.error["message"]


def test_keys_and_bad_queries(stage: Stage) -> None:
    """Without a key nothing is said about an id; a number must be one."""
    assert ask(stage.gateway.url, "/v1/responses/resp_1").status == 401
    path = "/v1/responses/resp_1?stream=true&starting_after=x"
    got = ask(stage.gateway.url, path, headers=bearer(stage.alpha))
    assert (got.status, got.error["param"]) == (400, "starting_after")


def test_counting_is_free_and_compacting_is_not(client: openai.OpenAI, stage: Stage) -> None:
    """Both go to the provider; a compacted conversation has an id of the gateway's."""
    counted = client.responses.input_tokens.count(model="mini", input="one two three")
    made = client.responses.create(model="mini", input="one")
    compacted = client.responses.compact(model="mini", input="two", previous_response_id=made.id)

    assert counted.input_tokens == 3
    assert compacted.id.startswith("resp_")
    assert compacted.output[0].type == "compaction"
    costs = [line["cost_nano"] for line in stage.settled(3)]
    assert costs[0] == 0
    assert min(costs[1:]) > 0


@pytest.mark.conformance(operation="responses by id", provider="OpenAI", aspect="errors")
def test_refusals_speak_of_the_clients_id(client: openai.OpenAI) -> None:
    """The provider's words hold no id that the client does not know."""
    made = client.responses.create(model="mini", input="x")
    with pytest.raises(openai.BadRequestError, match=f"'{made.id}' is not a background"):
        client.responses.cancel(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.BadRequestError, match=f"'{made.id}' not found") as failed:
        client.responses.create(model="mini", input="x", previous_response_id=made.id)
    assert failed.value.code == "previous_response_not_found"


def test_restarts_and_removals(tmp_path_factory: pytest.TempPathFactory) -> None:
    """An id is good after a restart, and for as long as the deployment is registered."""
    folder = tmp_path_factory.mktemp("restart")
    with running(OpenAISimulator()) as upstream:
        account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": upstream.base_url}
        documents = [document("mini", "OpenAI", "OpenAI", model="gpt-4o-mini", **account)]
        with (
            serving(folder, documents, SECRETS) as gateway,
            openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client,
        ):
            made = client.responses.create(model="mini", input="x")
        with (
            serving(folder, (), SECRETS) as gateway,
            openai.OpenAI(base_url=gateway.base_url, api_key="none", max_retries=0) as client,
        ):
            assert client.responses.retrieve(made.id).output_text == made.output_text
            run(gateway.environment, "models", "remove", "mini")
            path = f"/v1/responses/{made.id}"
            assert within(5.0, lambda: ask(gateway.url, path).status == 404)
            assert (
                "no longer registered"
                in json.loads(ask(gateway.url, path).body)["error"]["message"]
            )
