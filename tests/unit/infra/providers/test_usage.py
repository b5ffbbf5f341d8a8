"""Usage of OpenAI's wire: parts that add up, none of them negative."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.pricing import Price
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.openai_wire.answers import IMAGES, usage_in
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from

COUNTS = st.integers(-(10**20), 10**20)
PARTS = st.none() | COUNTS
WIRE = st.fixed_dictionaries(
    {"prompt_tokens": COUNTS},
    optional={
        "completion_tokens": COUNTS,
        "total_tokens": COUNTS,
        "prompt_tokens_details": st.none()
        | st.fixed_dictionaries(
            {},
            optional={
                "cached_tokens": PARTS,
                "cache_write_tokens": PARTS,
                "audio_tokens": PARTS,
                "text_tokens": PARTS,
            },
        ),
        "completion_tokens_details": st.none()
        | st.fixed_dictionaries(
            {}, optional={"reasoning_tokens": PARTS, "audio_tokens": PARTS, "more": PARTS}
        ),
    },
)
PRICE = Price(
    currency="USD",
    input_nano_per_mtok=150_000_000,
    output_nano_per_mtok=600_000_000,
    cache_read_nano_per_mtok=75_000_000,
)


def _read(wire: object) -> Usage:
    return usage_from(msgspec.json.decode(msgspec.json.encode(wire), type=WireUsage))


@given(WIRE)
def test_parts_add_up_and_none_is_negative(wire: dict[str, int]) -> None:
    """Whatever a provider says, the parts make up its totals and nothing costs less than zero."""
    usage = _read(wire)

    assert all(count >= 0 for count in usage)
    assert usage.total_input_tokens == max(wire["prompt_tokens"], 0)
    assert usage.total_output_tokens == max(wire.get("completion_tokens", 0), 0)
    assert not usage.estimated
    assert PRICE.cost_nano(usage) >= 0


def test_parts_are_taken_out_of_their_whole() -> None:
    """Cached, written and audio input stand apart from text, as do reasoning and audio output."""
    usage = _read(
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "prompt_tokens_details": {
                "cached_tokens": 30,
                "cache_write_tokens": 20,
                "audio_tokens": 10,
            },
            "completion_tokens_details": {"reasoning_tokens": 15, "audio_tokens": 5},
        }
    )

    assert usage == Usage(
        input_tokens=40,
        cache_read_tokens=30,
        cache_write_tokens=20,
        output_tokens=30,
        reasoning_tokens=15,
        audio_input_tokens=10,
        audio_output_tokens=5,
    )


def test_details_that_are_null() -> None:
    """Null details are none."""
    wire = {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": None}

    assert _read(wire) == Usage(input_tokens=7, output_tokens=3)


def test_images_are_counted() -> None:
    """Older models report no tokens: then the images are all that is known."""
    drawn = b'{"created":1,"data":[{"b64_json":"eA=="},{"b64_json":"eA=="}]%b}'
    counted = drawn % b',"usage":{"input_tokens":3,"output_tokens":2112,"total_tokens":2115}'
    expected = Usage(input_tokens=3, image_output_tokens=2112, images=2)

    for endpoint in IMAGES:
        assert usage_in(endpoint, drawn % b"", b"application/json") == Usage(images=2)
        assert usage_in(endpoint, counted, b"application/json") == expected


def test_images_tell_their_parts() -> None:
    """Text and images have prices of their own, in and out (ImagesResponse)."""
    answer = {
        "created": 1,
        "data": [{"b64_json": "eA=="}],
        "usage": {
            "input_tokens": 50,
            "output_tokens": 4200,
            "total_tokens": 4250,
            "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
            "output_tokens_details": {"text_tokens": 40, "image_tokens": 4160},
        },
    }

    for endpoint in IMAGES:
        assert usage_in(endpoint, msgspec.json.encode(answer), b"application/json") == Usage(
            input_tokens=10,
            image_input_tokens=40,
            output_tokens=40,
            image_output_tokens=4160,
            images=1,
        )
