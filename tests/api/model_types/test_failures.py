"""What goes wrong at every model type's provider, as the official SDK sees it."""

from typing import NamedTuple

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import able
from tests.simulators.bodies import HELLO

pytestmark = pytest.mark.conformance(operation="chat/completions", aspect="errors")


class Seen(NamedTuple):
    """A provider's status, and the error that the caller sees."""

    status: int
    kind: type[openai.APIStatusError]
    code: str | None


SEEN = [
    Seen(400, openai.BadRequestError, None),
    Seen(401, openai.InternalServerError, "upstream_credentials"),
    Seen(403, openai.InternalServerError, "upstream_credentials"),
    Seen(404, openai.InternalServerError, "upstream_misconfigured"),
    Seen(429, openai.RateLimitError, "rate_limit_exceeded"),
    Seen(500, openai.InternalServerError, "upstream_error"),
    Seen(503, openai.InternalServerError, "upstream_error"),
    Seen(504, openai.InternalServerError, "upstream_timeout"),
    Seen(529, openai.InternalServerError, "upstream_error"),
]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: str(seen.status))
@able("errors")
def test_each_status(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    seen: Seen,
    stream: bool,  # noqa: FBT001
) -> None:
    """Each becomes the error of OpenAI's that tells the caller what to do; nothing is charged."""
    status, kind, code = seen
    stage.upstream(model).fail_next("status", status=status)

    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=model, messages=HELLO, stream=stream)

    error = caught.value
    assert error.type
    assert code is None or error.code == code
    assert isinstance(error.body, dict)
    assert set(error.body) >= {"message", "type", "param", "code"}
    [line] = stage.settled()
    assert line["outcome"] == ("refused" if status == 400 else "failed")
    assert line["cost_nano"] == 0
    assert len(stage.upstream(model).requests) == 1


@able("errors")
def test_patience_is_asked_for(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """A provider's `retry-after` reaches the caller under its own name."""
    stage.upstream(model).fail_next("status", status=429, headers={"retry-after": "7"})

    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)

    assert caught.value.response.headers["retry-after"] == "7"
    assert caught.value.response.headers["x-should-retry"] == "true"


@pytest.mark.parametrize("fault", ["truncated_json", "html", "null", "empty_body"])
@able("errors")
def test_an_answer_that_is_none(
    client: openai.OpenAI, stage: Stage, model: str, fault: str
) -> None:
    """It is a 502, never an empty answer."""
    stage.upstream(model).fail_next(fault)

    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model=model, messages=HELLO)

    assert caught.value.status_code == 502
    stage.settled()


@pytest.mark.conformance(aspect="cut stream")
@pytest.mark.parametrize("fault", ["reset_mid_stream", "cut_mid_stream", "error_frame"])
@able("errors")
def test_a_stream_that_breaks(client: openai.OpenAI, stage: Stage, model: str, fault: str) -> None:
    """After the first content the SDK raises; what was cut never looks complete."""
    stage.upstream(model).fail_next(fault, after_events=6)
    heard: list[str] = []

    with pytest.raises(openai.APIError):
        _listen(client, model, heard)

    assert heard
    assert not "".join(heard).endswith("50")
    [line] = stage.settled()
    assert line["outcome"] == "failed"
    assert line["usage"][-1] is True


@pytest.mark.conformance(aspect="slow stream")
@able("errors")
def test_a_slow_stream_is_waited_for(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Bytes that drip in pieces of no meaning are put together."""
    stage.upstream(model).fail_next("slow_drip", drip_bytes=31)

    with client.chat.completions.stream(model=model, messages=HELLO) as stream:
        final = stream.get_final_completion()

    assert final.choices[0].message.content == "Simulated answer to: hello there"


def _listen(client: openai.OpenAI, model: str, heard: list[str]) -> None:
    stream = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "count to 50"}], stream=True
    )
    heard.extend(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
