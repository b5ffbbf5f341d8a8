"""Messages in as many bytes as there may be, and JSON all the same.

"Instrumentation MAY provide a configuration option allowing to truncate properties such as
individual message contents, preserving JSON structure" (OpenTelemetry's semantic conventions for
generative AI, docs/gen-ai/gen-ai-spans.md, "Recording content on attributes").
"""

from typing import Any, Final

import msgspec

SHORTEST_CHARS: Final = 256
"""Rather than cut each text shorter than this, the oldest messages are left out."""
CUT: Final = "…"
_encode: Final = msgspec.json.Encoder().encode


def fitted(messages: list[Any], max_bytes: int) -> tuple[str, bool]:
    """Return them as JSON of at most so many bytes, and whether something is missing.

    The longest texts are cut first, all at the same length; then the oldest messages go.
    """
    encoded = _encode(messages)
    if len(encoded) <= max_bytes:
        return encoded.decode(), False
    longest = max_bytes // 2
    left = messages
    while left:
        encoded = _encode(_shortened(left, longest))
        if len(encoded) <= max_bytes:
            return encoded.decode(), True
        if longest > SHORTEST_CHARS:
            longest //= 2
        else:
            left = left[(len(left) + 1) // 2 :]
    return "[]", True


def _shortened(value: Any, longest: int) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value if len(value) <= longest else value[:longest] + CUT
    if isinstance(value, dict):
        return {name: _shortened(each, longest) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each, longest) for each in value]
    return value
