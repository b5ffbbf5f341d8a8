"""Refusals and failures of every operation at every provider, as openai-python's errors."""

from collections.abc import Mapping

import openai
import pytest

from tests.api.every_provider.conftest import Stage
from tests.api.every_provider.rows import REMOTE, ROWS, cases

pytestmark = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")

ALL = pytest.mark.parametrize(("operation", "model"), cases())
AT_PROVIDERS = pytest.mark.parametrize(("operation", "model"), cases(places=REMOTE))
STREAMED = pytest.mark.parametrize(
    ("operation", "model"), cases(lambda row: row.streamed is not None, places=REMOTE)
)
SEEN: Mapping[int, tuple[type[openai.APIStatusError], int, str]] = {
    401: (openai.InternalServerError, 502, "upstream_credentials"),
    404: (openai.InternalServerError, 502, "upstream_misconfigured"),
    429: (openai.RateLimitError, 429, "rate_limit_exceeded"),
    503: (openai.InternalServerError, 502, "upstream_error"),
}
"""What the caller sees of a provider's status."""
SPEAKERS = [model for _, model in cases(lambda row: row.kind == "speaker")]
TALKERS = [model for _, model in cases(lambda row: row is ROWS["responses"], places=REMOTE)]
MODELS = [model for _, model in cases(lambda row: row is ROWS["embeddings"])]


@pytest.mark.conformance(aspect="errors")
@AT_PROVIDERS
@pytest.mark.parametrize("status", SEEN)
def test_statuses(
    client: openai.OpenAI, stage: Stage, operation: str, model: str, status: int
) -> None:
    """The provider's status decides the class; its refusal of our key is never the caller's."""
    stage.upstream(model).fail_next("status", status=status, times=None)
    with pytest.raises(openai.APIStatusError) as failed:
        ROWS[operation].ask(client, model)

    raised = failed.value
    assert (type(raised), raised.status_code, raised.code) == SEEN[status]
    assert (raised.request_id or "").startswith("req_")
    [line] = stage.settled()
    assert (line["outcome"], line["error"], line["cost_nano"]) == ("failed", raised.code, 0)


@pytest.mark.conformance(aspect="errors")
@AT_PROVIDERS
def test_what_is_no_answer(client: openai.OpenAI, stage: Stage, operation: str, model: str) -> None:
    """Bytes that are not HTTP are the provider's failure, told in OpenAI's envelope."""
    stage.upstream(model).fail_next("garbage", times=None)
    with pytest.raises(openai.InternalServerError) as failed:
        ROWS[operation].ask(client, model)

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_error")


@pytest.mark.conformance(aspect="errors")
@AT_PROVIDERS
def test_the_providers_refusal(
    client: openai.OpenAI, stage: Stage, operation: str, model: str
) -> None:
    """A field that the gateway does not know is the provider's to refuse, in its own words."""
    with pytest.raises(openai.BadRequestError) as refused:
        ROWS[operation].ask(client, model, extra_body={"odd": "1"})

    assert (refused.value.param, refused.value.code) == ("odd", "unknown_parameter")
    assert len(stage.upstream(model).requests) == 1


@pytest.mark.conformance(aspect="errors")
@ALL
def test_the_desk(client: openai.OpenAI, stage: Stage, operation: str, model: str) -> None:
    """What OpenAI refuses is refused by the field's name, and no provider is asked."""
    row = ROWS[operation]
    with pytest.raises(openai.BadRequestError) as refused:
        row.ask(client, model, **row.wrong)

    assert [refused.value.param] == list(row.wrong)
    assert refused.value.type == "invalid_request_error"
    assert [*stage.openai.requests, *stage.azure.requests, *stage.foundry.requests] == []


@pytest.mark.conformance(aspect="errors")
@STREAMED
@pytest.mark.parametrize("kind", ["cut_mid_stream", "reset_mid_stream"])
def test_a_stream_that_breaks(
    client: openai.OpenAI, stage: Stage, operation: str, model: str, kind: str
) -> None:
    """It raises after what came, and never looks complete."""
    row = ROWS[operation]
    # The events of a response are only about it at first.
    after = 7 if operation == "responses" else 4
    stage.upstream(model).fail_next(kind, after_events=after, chunk_interval_ms=5)
    heard: list[str] = []
    with pytest.raises(openai.APIError) as broken:
        heard.extend(row.heard(event) for event in row.stream(client, model))

    assert broken.value.code == "upstream_connection_lost"
    assert "".join(heard)
    assert "".join(heard) != str(row.hearing or row.answer)
    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", "upstream_connection_lost")


@pytest.mark.conformance(operation="audio/speech", aspect="errors")
@pytest.mark.parametrize("model", SPEAKERS)
def test_speech_that_breaks(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Sound has no event for an error: the connection is cut, on which the SDK raises."""
    stage.upstream(model).fail_next("cut_mid_stream", after_events=1)
    with pytest.raises(openai.APIConnectionError):
        ROWS["audio/speech"].ask(client, model)

    [line] = stage.settled()
    assert (line["outcome"], line["error"]) == ("failed", "upstream_connection_lost")


@pytest.mark.conformance(operation="responses by id", aspect="errors")
@pytest.mark.parametrize("model", TALKERS)
def test_stored_responses(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """The provider's refusals speak of the caller's id; its failures are failures."""
    made = client.responses.create(model=model, input="hello there")
    stage.upstream(model).fail_next("status", status=503, path="/input_items")
    with pytest.raises(openai.InternalServerError) as failed:
        client.responses.input_items.list(made.id)
    with pytest.raises(openai.BadRequestError, match=f"'{made.id}' is not a background"):
        client.responses.cancel(made.id)
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError, match=f"'{made.id}' not found"):
        client.responses.retrieve(made.id)

    assert (failed.value.status_code, failed.value.code) == (502, "upstream_error")


@pytest.mark.conformance(operation="models", aspect="errors")
@pytest.mark.parametrize("model", MODELS)
def test_models(client: openai.OpenAI, model: str) -> None:
    """A name that only begins like a registered one's is not found."""
    with pytest.raises(openai.NotFoundError) as missed:
        client.models.retrieve(model[:-1])

    assert missed.value.code == "model_not_found"
