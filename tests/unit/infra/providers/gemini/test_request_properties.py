"""Whatever a request holds, it is translated, or refused with the name of a field."""

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.providers.gemini.request import SUPPORTED
from tests.unit.infra.providers.gemini.asking import HELLO, Json, chat, sent

WORDS = ["type", "function", "name", "parameters", "google", "allowed_tools", "tools", "mode"]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "auto", "function", "low", "none", "text", "json_schema", "required"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
CHECKED_BY_THE_DESK = frozenset(
    ("max_tokens", "max_completion_tokens", "logprobs", "top_logprobs", "parallel_tool_calls")
)
FIELDS = sorted(SUPPORTED - CHECKED_BY_THE_DESK)
CONTENTS = (
    st.none()
    | st.text(max_size=5)
    | st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "image_url", "file", "input_audio", "refusal"])},
            optional={"text": st.text(max_size=3), "image_url": VALUES, "file": VALUES},
        ),
        max_size=2,
    )
)
CALLS = st.lists(
    st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b"])},
        optional={
            "function": st.fixed_dictionaries(
                {"name": st.just("f"), "arguments": st.sampled_from(["", "{}", "{", "[]", "5"])}
            ),
            "extra_content": VALUES,
        },
    ),
    max_size=2,
)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["system", "user", "assistant", "tool", "developer", "odd"]),
            "content": CONTENTS,
        },
        optional={"tool_calls": CALLS, "tool_call_id": st.sampled_from(["a", "b"])},
    ),
    max_size=6,
)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=3), st.booleans())
def test_fields(fields: Json, lenient: bool) -> None:  # noqa: FBT001
    """No value of any field makes anything but a body or a refusal."""
    with suppress(InvalidRequest):
        _, body = sent(chat(drop_unsupported=lenient), {**HELLO, **fields})
        assert body["contents"]


@given(MESSAGES, st.sampled_from(["gemini-2.5-flash", "gemini-3-pro-preview"]))
def test_conversations(messages: list[Json], name: str) -> None:
    """What goes out keeps the rules: no empty turn, and calls have their results behind them."""
    with suppress(InvalidRequest):
        _, body = sent(chat(name), {"messages": messages})
        waiting = 0
        for content in body["contents"]:
            assert content["role"] in {"user", "model"}
            assert content["parts"]
            results = [part for part in content["parts"] if "functionResponse" in part]
            assert len(results) == waiting
            assert not results or len(results) == len(content["parts"])
            waiting = sum("functionCall" in part for part in content["parts"])
            texts = [part for part in content["parts"] if part.get("text") == ""]
            assert all("thoughtSignature" in part for part in texts)
        assert waiting == 0
        json.dumps(body)
