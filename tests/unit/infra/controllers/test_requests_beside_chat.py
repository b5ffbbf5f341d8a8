"""What the desk reads from requests for embeddings, completions, moderations and images."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.controllers.openai.asked import Asked
from llmproxy.infra.controllers.openai.completion_request import completion_request
from llmproxy.infra.controllers.openai.embeddings_request import embeddings_request
from llmproxy.infra.controllers.openai.image_request import (
    MAX_PROMPT_CHARS,
    TOKENS_PER_IMAGE,
    TOKENS_PER_PARTIAL_IMAGE,
    image_request,
)
from llmproxy.infra.controllers.openai.moderation_request import moderation_request
from llmproxy.infra.controllers.openai.texts_or_tokens import MAX_INPUTS

Read = Callable[[bytes], Asked]
TEXT_OR_TOKENS: list[tuple[Read, str]] = [
    (embeddings_request, "input"),
    (completion_request, "prompt"),
]
INPUTS = st.one_of(
    st.text(min_size=1),
    st.lists(st.text(min_size=1), min_size=1),
    st.lists(st.integers(0, 200_000), min_size=1),
    st.lists(st.lists(st.integers(0, 200_000), min_size=1), min_size=1),
)


def _read(read: Read, **fields: object) -> Asked:
    return read(json.dumps({"model": "m"} | fields).encode())


def _refusal(read: Read, **fields: object) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        _read(read, **fields)
    return refused.value


def _count(value: Any) -> int:  # noqa: ANN401
    return len(value) if isinstance(value, list) and not isinstance(value[0], int) else 1


@given(INPUTS, st.sampled_from([None, 1, "\t"]))
def test_inputs_are_counted(value: object, indent: int | str | None) -> None:
    """Each form is taken, however it is laid out; every prompt is an answer more."""
    raw = json.dumps({"model": "m", "input": value, "prompt": value}, indent=indent).encode()

    assert embeddings_request(raw).max_output_tokens == 0
    assert completion_request(raw).choices == _count(value)


@pytest.mark.parametrize(("read", "name"), TEXT_OR_TOKENS)
@pytest.mark.parametrize("each", ["x", 7, [7], "\\", 'a"b'])
def test_the_most_inputs(read: Read, name: str, each: object) -> None:
    """OpenAI's bound itself passes, one more is refused."""
    _read(read, **{name: [each] * MAX_INPUTS})
    refused = _refusal(read, **{name: [each] * (MAX_INPUTS + 1)})

    assert (refused.param, refused.code) == (name, "array_above_max_length")


@pytest.mark.parametrize(("read", "name"), TEXT_OR_TOKENS)
@pytest.mark.parametrize(
    ("value", "param", "code"),
    [
        ("", "", "empty_string"),
        ([], "", "empty_array"),
        (["a", ""], "]", "invalid_type"),
        (["a", 1], "]", "invalid_type"),
        ([1, "a"], "]", "invalid_type"),
        ([1, -1], "]", "invalid_type"),
        ([1.5], "]", "invalid_type"),
        ([[1], []], "", "invalid_type"),
        ([[1], 2], "", "invalid_type"),
        ([[1], "a"], "", "invalid_type"),
        ([["a"]], "", "invalid_type"),
        ([[[1]]], "", "invalid_type"),
        ([None], "]", "invalid_type"),
        ([{}], "]", "invalid_type"),
        ({}, "", "invalid_type"),
        (5, "", "invalid_type"),
        (True, "", "invalid_type"),
    ],
)
def test_wrong_inputs(read: Read, name: str, value: object, param: str, code: str) -> None:
    """What is none of the four forms is refused by name."""
    refused = _refusal(read, **{name: value})

    assert (refused.param or "").startswith(name)
    assert (refused.param or "").endswith(param)
    assert refused.code == code


@pytest.mark.parametrize(
    "value",
    [
        b"[" + b"1," * 2_000_000 + b"1]",
        b'["a"' + b",1" * 2_000_000 + b"]",
        b'["a"' + b',"a"' * 2_000_000 + b"]",
        b"[[1]" + b",1" * 2_000_000 + b"]",
        b"[[1]" + b",[1]" * 2_000_000 + b"]",
        b'["\\\\"' + b',"\\\\"' * 2_000_000 + b"]",
    ],
)
def test_far_too_many_inputs(value: bytes) -> None:
    """They are refused without an object for each: far faster than reading them would be."""
    raw = b'{"model":"m","input":%b}' % value
    began = time.process_time()
    with pytest.raises(InvalidRequest):
        embeddings_request(raw)
    assert time.process_time() - began < 5


def test_what_must_be_there() -> None:
    """OpenAI's required fields; null is absent, but for a prompt."""
    for fields in ({}, {"input": None}):
        assert _refusal(embeddings_request, **fields).message == (
            "Missing required parameter: 'input'."
        )
        assert _refusal(moderation_request, **fields).param == "input"
    assert _refusal(completion_request).param == "prompt"
    assert _refusal(image_request).param == "prompt"
    assert _refusal(image_request, prompt=None).param == "prompt"
    assert _read(completion_request, prompt=None).choices == 1
    for read in (embeddings_request, completion_request):
        refused = _refusal(read, model=None, input="x", prompt="x")
        assert refused.code == "missing_required_parameter"


def test_the_model_may_be_left_out() -> None:
    """Where OpenAI has a model of its own: moderations and images."""
    assert moderation_request(b'{"input":"x"}').model == ""
    assert image_request(b'{"prompt":"x","model":null}').model == ""
    assert _refusal(moderation_request, model="", input="x").code == "empty_string"


@pytest.mark.parametrize("value", ["x", "", ["x"], [{"type": "text", "text": "x"}], [1]])
def test_moderations(value: object) -> None:
    """What is in the array is for the provider to judge."""
    assert _read(moderation_request, input=value).max_output_tokens == 0


@pytest.mark.parametrize(
    ("value", "kind"),
    [(5, "an integer"), ({}, "an object"), (True, "a boolean"), (False, "a boolean")],
)
def test_wrong_moderations(value: object, kind: str) -> None:
    """A text or an array; never an empty one."""
    assert kind in _refusal(moderation_request, input=value).message
    assert _refusal(moderation_request, input=[]).code == "empty_array"


def test_completions() -> None:
    """The most that is generated: for every prompt the larger of `n` and `best_of`."""
    assert _read(completion_request, prompt="x").max_output_tokens is None
    asked = _read(completion_request, prompt=["a", "b"], n=2, best_of=5, max_tokens=9)
    assert (asked.choices, asked.max_output_tokens) == (10, 9)
    assert _read(completion_request, prompt="x", max_tokens=0).max_output_tokens == 0
    assert _read(completion_request, prompt="x", stream=True).stream
    assert _refusal(completion_request, prompt="x", logprobs=True).param == "logprobs"
    assert _refusal(completion_request, prompt="x", stream_options=1).param == "stream_options"


def test_images() -> None:
    """Reserved for: every image at its stated ceiling, and its partial ones."""
    asked = _read(image_request, prompt="x", n=3)
    assert (asked.choices, asked.max_output_tokens, asked.stream) == (3, TOKENS_PER_IMAGE, False)
    asked = _read(image_request, prompt="x", stream=True, partial_images=3)
    assert asked.max_output_tokens == TOKENS_PER_IMAGE + 3 * TOKENS_PER_PARTIAL_IMAGE
    assert asked.stream
    assert _read(image_request, prompt="\u00e9" * MAX_PROMPT_CHARS)
    refused = _refusal(image_request, prompt="x" * (MAX_PROMPT_CHARS + 1))
    assert (refused.param, refused.code) == ("prompt", "string_above_max_length")
