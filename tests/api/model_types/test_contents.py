"""What goes in and comes out beyond text: images, JSON by a schema, thoughts, ends and refusals."""

import base64
from typing import Any

import openai
import pytest

from tests.api.model_types.conftest import Stage
from tests.api.model_types.places import able, thinking
from tests.simulators.bodies import HELLO, Recipe

PIXEL = base64.b64encode(
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\6\0\0\0\x1f\x15\xc4\x89\0\0\0\rIDATx\x9cc"
    b"\xf8\xcf\xc0\xf0\x1f\0\5\0\1\xff\x89\x99=\x1d\0\0\0\0IEND\xaeB`\x82"
).decode()
IMAGE = f"data:image/png;base64,{PIXEL}"
pytestmark = pytest.mark.conformance(operation="chat/completions")


@pytest.mark.conformance(aspect="image input")
@able("images")
def test_an_image_goes_in(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """Its very bytes reach the model."""
    answer = client.chat.completions.create(
        model=model,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "hello there"},
                    {"type": "image_url", "image_url": {"url": IMAGE}},
                ],
            }
        ],
    )

    assert answer.choices[0].message.content == "Simulated answer to: hello there"
    [request] = stage.upstream(model).requests
    assert PIXEL.encode() in request.body


@pytest.mark.conformance(aspect="json schema")
@able("json schema")
def test_json_by_a_schema(client: openai.OpenAI, model: str) -> None:
    """`parse` of the official SDK gets an object of the class that it asked for."""
    answer = client.chat.completions.parse(
        model=model, messages=[{"role": "user", "content": "a recipe"}], response_format=Recipe
    )

    recipe = answer.choices[0].message.parsed
    assert isinstance(recipe, Recipe)


@pytest.mark.conformance(aspect="json schema")
@able("json schema")
def test_json_by_a_schema_in_events(client: openai.OpenAI, model: str) -> None:
    """Streamed, too."""
    with client.chat.completions.stream(
        model=model, messages=[{"role": "user", "content": "a recipe"}], response_format=Recipe
    ) as stream:
        final = stream.get_final_completion()

    assert isinstance(final.choices[0].message.parsed, Recipe)


@pytest.mark.conformance(aspect="reasoning")
@able("reasoning")
def test_thoughts_are_shown(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """They stand in `reasoning_content`, plain and streamed, and never in the text."""
    effort: dict[str, Any] = {}
    if "mistral" not in model and "deepseek" not in model:
        effort["reasoning_effort"] = "low"
    name = thinking(model)
    plain = client.chat.completions.create(model=name, messages=HELLO, **effort)
    chunks = list(client.chat.completions.create(model=name, messages=HELLO, stream=True, **effort))

    message: Any = plain.choices[0].message
    assert message.reasoning_content
    assert message.content == "Simulated answer to: hello there"
    deltas: list[Any] = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
    thought = "".join(getattr(delta, "reasoning_content", None) or "" for delta in deltas)
    assert thought == message.reasoning_content
    assert "".join(delta.content or "" for delta in deltas) == message.content
    stage.settled(2)


@pytest.mark.conformance(aspect="length")
@pytest.mark.parametrize("stream", [True, False])
@able("length")
def test_an_answer_cut_by_length(
    client: openai.OpenAI,
    model: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """`finish_reason` says so."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "count to 200"}],
        "max_tokens": 20,
    }
    if stream:
        with client.chat.completions.stream(**asked) as events:
            for _ in events:
                continue
            snapshot = events.current_completion_snapshot
    else:
        snapshot = client.chat.completions.create(**asked)  # type: ignore[assignment]

    [choice] = snapshot.choices
    assert choice.finish_reason == "length"
    assert (choice.message.content or "").startswith("1 2 3")


@pytest.mark.conformance(aspect="refusal")
@pytest.mark.parametrize("stream", [True, False])
@able("refusal")
def test_an_answer_that_is_filtered(
    client: openai.OpenAI,
    stage: Stage,
    model: str,
    stream: bool,  # noqa: FBT001
) -> None:
    """`finish_reason` says so; it is an answer, not an error, and is charged."""
    asked: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": "trigger the output filter"}],
    }
    if stream:
        with client.chat.completions.stream(**asked) as events:
            for _ in events:
                continue
            snapshot = events.current_completion_snapshot
    else:
        snapshot = client.chat.completions.create(**asked)  # type: ignore[assignment]

    assert snapshot.choices[0].finish_reason == "content_filter"
    [line] = stage.settled()
    assert line["outcome"] == "finished"
    assert line["cost_nano"] > 0


@pytest.mark.conformance(aspect="errors")
@able("unsupported")
def test_what_a_model_cannot_take(client: openai.OpenAI, stage: Stage, model: str) -> None:
    """A 400 names it; where the document says so it is dropped, and a header names it."""
    asked: dict[str, Any] = {"messages": HELLO, "extra_body": {"no_such_parameter": 1}}
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=model, **asked)
    assert "no_such_parameter" in caught.value.message
    assert stage.upstream(model).requests == []

    raw = client.chat.completions.with_raw_response.create(model=f"{model}-lenient", **asked)

    assert raw.parse().choices[0].message.content == "Simulated answer to: hello there"
    assert raw.headers["x-llmproxy-dropped"] == "no_such_parameter"
    assert b"no_such_parameter" not in stage.upstream(model).requests[-1].body
