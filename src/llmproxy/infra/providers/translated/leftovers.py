"""What a request asks for and a provider has no word for: refused, or left out and named.

Nothing disappears quietly. A field that changes the answer is a 400 that names it, unless the
document says `drop_unsupported: true`; then, as with mere hints, a header names it.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from llmproxy.application.interfaces.call import Call
from llmproxy.domain.errors import InvalidRequest

NEUTRAL: Mapping[str, frozenset[bytes]] = {
    "n": frozenset((b"1",)),
    "frequency_penalty": frozenset((b"0", b"0.0")),
    "presence_penalty": frozenset((b"0", b"0.0")),
    "logprobs": frozenset((b"false",)),
    "top_logprobs": frozenset((b"0",)),
    "logit_bias": frozenset((b"{}",)),
    "parallel_tool_calls": frozenset((b"true",)),
    "store": frozenset((b"false",)),
    "service_tier": frozenset((b'"auto"', b'"default"')),
    "modalities": frozenset((b'["text"]',)),
    "stream": frozenset((b"true", b"false")),
    "tools": frozenset((b"[]",)),
    "stop": frozenset((b"[]",)),
    "tool_choice": frozenset((b'"auto"',)),
}
"""Values that ask for nothing beyond what happens anyway: OpenAI's own defaults."""

HINTS = frozenset(
    ("user", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "metadata", "store")
)
"""Fields that an answer does not depend on: they say who asks, or what to keep.

`store` is among them: nothing is kept at a provider that keeps no chat completions.
"""
ALWAYS = frozenset(("model", "messages", "stream", "stream_options"))


def left_out(call: Call, supported: AbstractSet[str], *, drop_unsupported: bool) -> tuple[str, ...]:
    """Return the fields that are not sent, to be named in `x-llmproxy-dropped`.

    `supported` are those that the translation knows, beyond `ALWAYS`. Raises InvalidRequest naming
    all others, unless they may be dropped.
    """
    hints: list[str] = []
    unsupported: list[str] = []
    for name in call.body.fields:
        if name in supported or name in ALWAYS:
            continue
        text = call.body.value(name)
        if text == b"null" or (text is not None and text.strip() in NEUTRAL.get(name, ())):
            continue
        (hints if name in HINTS else unsupported).append(name)
    if unsupported and not drop_unsupported:
        raise unsupported_parameters(unsupported, call.model)
    return (*hints, *unsupported)


def unsupported_parameters(names: list[str], model: str) -> InvalidRequest:
    """Return the refusal that names what this model cannot take."""
    listed = ", ".join(f"'{name[:100]}'" for name in names[:20])
    plural = "s" if len(names) > 1 else ""
    return InvalidRequest(
        f"Unsupported parameter{plural}: {listed} cannot be used with the model `{model}`.",
        param=names[0][:100],
        code="unsupported_parameter",
        hint="Leave it out, or have the model's document say `drop_unsupported: true`.",
    )
