"""What a provider has no word for: refused by name, or left out and named."""

import pytest

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.translated.leftovers import left_out
from tests.fakes.calls import chat_call

MESSAGES = {"messages": [{"role": "user", "content": "hi"}]}
SUPPORTED = frozenset(("temperature",))


def test_all_that_is_unsupported_is_named() -> None:
    """One 400 names every field, the first as its param."""
    call = chat_call({**MESSAGES, "temperature": 1, "seed": 7, "logit_bias": {"1": 2}})

    with pytest.raises(InvalidRequest) as caught:
        left_out(call, SUPPORTED, drop_unsupported=False)

    assert (caught.value.param, caught.value.code) == ("seed", "unsupported_parameter")
    assert "'seed', 'logit_bias'" in caught.value.message
    assert "drop_unsupported" in caught.value.message


def test_where_it_may_be_dropped_it_is_named() -> None:
    """Hints and what was dropped stand in the header, in one list."""
    call = chat_call({**MESSAGES, "seed": 7, "user": "me"})

    assert left_out(call, SUPPORTED, drop_unsupported=True) == ("user", "seed")


@pytest.mark.parametrize(
    "field",
    [
        {"n": 1},
        {"frequency_penalty": 0},
        {"presence_penalty": 0.0},
        {"logprobs": False},
        {"parallel_tool_calls": True},
        {"store": False},
        {"service_tier": "auto"},
        {"modalities": ["text"]},
        {"seed": None},
        {"stop": []},
        {"tool_choice": "auto"},
    ],
)
def test_what_happens_anyway_is_no_matter(field: dict[str, object]) -> None:
    """A field at OpenAI's own default asks for nothing."""
    assert left_out(chat_call({**MESSAGES, **field}), SUPPORTED, drop_unsupported=False) == ()


def test_hints_need_no_leave() -> None:
    """Fields that an answer does not depend on are left out and named, never refused."""
    call = chat_call({**MESSAGES, "metadata": {"a": "b"}, "store": True})

    assert left_out(call, SUPPORTED, drop_unsupported=False) == ("metadata", "store")
