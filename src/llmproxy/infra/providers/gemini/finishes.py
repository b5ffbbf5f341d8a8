"""Why a candidate ends, in OpenAI's words.

| `finishReason` | `finish_reason` |
|---|---|
| `STOP`, `NO_IMAGE` | `stop`, or `tool_calls` when tools were called |
| `MAX_TOKENS`, `CONTINUATION` | `length` |
| `MALFORMED_FUNCTION_CALL`, `UNEXPECTED_TOOL_CALL`, `TOO_MANY_TOOL_CALLS`, `MALFORMED_RESPONSE`, \
`MISSING_THOUGHT_SIGNATURE` | none: the model's answer is broken, and saying `stop` would make up \
an end; an error that may be tried again |
| every other: `SAFETY`, `RECITATION`, `BLOCKLIST`, `SPII`, `IMAGE_…`, `OTHER`, and what Google \
adds later | `content_filter`: it was stopped, neither by itself nor by the limit |

Values: google-genai 3.6.1 `types.FinishReason`.
"""

from llmproxy.infra.providers.vertex.failures import unwell

_FINISHES = {
    "STOP": "stop",
    "NO_IMAGE": "stop",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
}
UNWELL = frozenset(
    (
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
    )
)
UNSAID = "FINISH_REASON_UNSPECIFIED"


def finish_of(reason: str, words: str | None) -> str:
    """Return the reason in OpenAI's words; `words` is `finishMessage`.

    Raises Broken for an answer that is none.
    """
    finish = _FINISHES.get(reason)
    if finish is not None:
        return finish
    if reason in UNWELL:
        raise unwell(reason, words)
    return "content_filter"
