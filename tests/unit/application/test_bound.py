"""The most that a call can cost: for every operation at least what it then costs."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.call import Call
from llmproxy.application.interfaces.stored_response import Origin
from llmproxy.application.steps.bound import (
    ASSUMED_OUTPUT_TOKENS,
    CARRIED_TOKENS,
    IMAGE_TOKENS,
    LIKELY_IMAGE_TOKENS,
    Bound,
    bound_of,
    prompt_estimate,
)
from llmproxy.domain.costs import price_from_costs
from llmproxy.domain.operation import OPERATION_OF, Endpoint
from llmproxy.domain.usage import Usage
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import FakeBody, call, deployment

CLOCK = FakeClock()
EVERY = {
    "cost_input_1Mtokens": 1,
    "cost_output_1Mtokens": 10,
    "cost_cache_write_1h_1Mtokens": 2,
    "cost_audio_input_1Mtokens": 40,
    "cost_audio_output_1Mtokens": 80,
    "cost_image_input_1Mtokens": 5,
    "cost_image_output_1Mtokens": 60,
    "cost_image": 0.5,
    "cost_1Mcharacters": 30,
    "cost_audio_second": 0.001,
    "tiers": [{"above_input_tokens": 1000, "cost_output_1Mtokens": 200, "cost_image": 0.7}],
}
OPERATIONS = [operation.value for operation in set(OPERATION_OF.values())]


def asked(endpoint: Endpoint, **changes: object) -> Call:
    made = call(CLOCK)
    return replace(made, endpoint=endpoint, operation=OPERATION_OF[endpoint], **changes)


def priced(**costs: object) -> object:
    return deployment(costs=costs or EVERY, operations=OPERATIONS)


def chat(*parts: dict[str, object]) -> Call:
    """A chat of one message with these parts, as large as its body is."""
    text = json.dumps([{"role": "user", "content": list(parts)}]).encode()
    return asked(
        Endpoint.CHAT_COMPLETIONS,
        body=FakeBody({"messages": text}),
        prompt_bytes=len(text),
        max_output_tokens=10,
    )


def image(url: str) -> dict[str, object]:
    return {"type": "image_url", "image_url": {"url": url}}


def test_text() -> None:
    """Bytes of the prompt and the bound of the output, times choices."""
    made = asked(Endpoint.CHAT_COMPLETIONS, prompt_bytes=400, max_output_tokens=100, choices=2)

    assert bound_of(made, (deployment(),)) == Bound(400 * 1000 + 200 * 2000, 600, "USD", 200, 100)


def test_the_dearest_deployment_counts() -> None:
    """Whichever one answers in the end; output is bounded per document."""
    made = asked(Endpoint.CHAT_COMPLETIONS, prompt_bytes=400, max_output_tokens=None)
    short = deployment(parameters={"model": "x", "max_output_tokens": 10})
    dear = deployment(costs={"input": 1, "output": 0}, id="dear")

    assert bound_of(made, (short, dear)) == Bound(
        400 * 10**6, 400 + ASSUMED_OUTPUT_TOKENS, "USD", ASSUMED_OUTPUT_TOKENS, 100
    )


def test_a_response_carries_what_went_before() -> None:
    """The provider keeps the conversation and bills it again."""
    made = asked(Endpoint.RESPONSES, prompt_bytes=400, max_output_tokens=100)
    made.previous = Origin("resp_1", "resp_0", "gpt-mini")
    bound = bound_of(made, (deployment(),))

    assert bound.tokens == 400 + CARRIED_TOKENS + 100


def test_an_image_counts_as_one_however_large() -> None:
    """Behind an address or as a photo of a megabyte: its bytes are not its tokens."""
    words = {"type": "text", "text": 'What is "image_url" here?'}
    behind, inside = "https://x.example/a.png", "data:image/png;base64," + "A" * 10**6
    text = chat(words)
    shown = chat(words, image(behind), image(inside))

    assert bound_of(text, (deployment(),)).tokens == text.prompt_bytes + 10
    left = shown.prompt_bytes - len(inside)
    assert bound_of(shown, (deployment(),)).tokens == left + 2 * IMAGE_TOKENS + 10
    likely = bound_of(shown, (deployment(),)).likely_prompt_tokens
    assert likely == -(-left // 4) + 2 * LIKELY_IMAGE_TOKENS


def test_text_that_looks_like_an_image_is_text() -> None:
    """Only what stands as an address of a part is left out of the bytes."""
    text = {"type": "text", "text": "data:image/png;base64," + "A" * 1000}
    made = chat(text, image("https://x.example/a.png"))

    assert bound_of(made, (deployment(),)).tokens == made.prompt_bytes + IMAGE_TOKENS + 10


@pytest.mark.parametrize(
    ("endpoint", "field", "parts", "shown"),
    [
        (Endpoint.RESPONSES, "input", [{"type": "input_image", "image_url": "https://x"}], 1),
        (Endpoint.RESPONSES, "input", [{"type": "input_image", "file_id": "file_1"}], 1),
        (Endpoint.IMAGES_EDITS, "images", [{"image_url": "https://x"}, {"file_id": "f"}], 2),
        (Endpoint.EMBEDDINGS, "input", [{"type": "input_image"}], 0),
    ],
)
def test_images_of_other_endpoints(
    endpoint: Endpoint, field: str, parts: object, shown: int
) -> None:
    """Responses and edits name images in their own ways; elsewhere there are none."""
    text = json.dumps(parts).encode()
    made = asked(endpoint, body=FakeBody({field: text}), prompt_bytes=500, max_output_tokens=0)

    assert bound_of(made, (deployment(),)).tokens == 500 + shown * IMAGE_TOKENS


BOUNDED = {
    Endpoint.CHAT_COMPLETIONS: Usage(),
    Endpoint.EMBEDDINGS: Usage(),
    Endpoint.IMAGES_GENERATIONS: Usage(images=1, estimated=True),
    Endpoint.AUDIO_SPEECH: Usage(characters=300, estimated=True),
    Endpoint.AUDIO_TRANSCRIPTIONS: Usage(audio_ms=40, estimated=True),
    Endpoint.REALTIME: Usage(),
}


@given(
    st.sampled_from(list(BOUNDED)),
    st.integers(1, 3000),
    st.integers(0, 3000),
    st.integers(1, 4),
    st.integers(0, 10**6),
    st.data(),
)
def test_no_usage_within_the_bounds_costs_more(
    endpoint: Endpoint, size: int, output: int, choices: int, audio_ms: int, data: st.DataObject
) -> None:
    """However input and output fall into kinds."""
    counted = BOUNDED[endpoint]
    made = asked(
        endpoint,
        prompt_bytes=size,
        max_output_tokens=output,
        choices=choices,
        counted=counted,
        audio_ms_at_most=audio_ms,
    )
    place = priced()
    into, out = data.draw(st.integers(0, size)), data.draw(st.integers(0, output * choices))
    heard, drawn = data.draw(st.integers(0, into)), data.draw(st.integers(0, out))
    images = choices if endpoint is Endpoint.IMAGES_GENERATIONS else 0
    used = Usage(
        input_tokens=into - heard,
        audio_input_tokens=heard,
        output_tokens=out - drawn,
        image_output_tokens=drawn,
        images=images,
        characters=counted.characters,
        audio_ms=data.draw(st.integers(0, audio_ms)),
    )
    bound = bound_of(made, (place,))

    assert place.model.price is not None
    assert bound.cost_nano >= place.model.price.cost_nano(used)
    assert bound.tokens >= used.total_input_tokens + used.total_output_tokens


@pytest.mark.parametrize(
    ("endpoint", "counted", "expected"),
    [
        (Endpoint.CHAT_COMPLETIONS, None, (100_000, 100)),
        (Endpoint.AUDIO_SPEECH, Usage(5, audio_output_tokens=9, characters=20, audio_ms=99),
         (5_000 + 600_000, 5)),
        (Endpoint.AUDIO_TRANSCRIPTIONS, Usage(audio_input_tokens=10, audio_ms=2000),
         (400_000 + 2_000_000, 10)),
        (Endpoint.IMAGES_GENERATIONS, Usage(images=4), (0, 0)),
        (Endpoint.RESPONSES_INPUT_TOKENS, Usage(), (0, 0)),
    ],
)  # fmt: skip
def test_the_prompt_alone(
    endpoint: Endpoint, counted: Usage | None, expected: tuple[int, int]
) -> None:
    """What the gateway counted of the input, else a token for four bytes; nothing of the output."""
    price = price_from_costs(EVERY, free=False)
    assert price is not None

    made = asked(endpoint, prompt_bytes=400, counted=counted)
    likely = bound_of(made, (deployment(),)).likely_prompt_tokens
    assert prompt_estimate(made, price, likely) == expected
