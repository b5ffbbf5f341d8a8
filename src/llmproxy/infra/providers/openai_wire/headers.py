"""Which of a provider's headers may pass to the caller.

An allow-list, so that nothing of the account leaks.
"""

from collections.abc import Iterable

from llmproxy.application.interfaces.upstream import Headers

_SAME = (
    b"openai-processing-ms",
    b"openai-version",
    b"x-ratelimit-limit-requests",
    b"x-ratelimit-limit-tokens",
    b"x-ratelimit-remaining-requests",
    b"x-ratelimit-remaining-tokens",
    b"x-ratelimit-reset-requests",
    b"x-ratelimit-reset-tokens",
)
UPSTREAM_REQUEST_ID = b"x-llmproxy-upstream-request-id"
PASSING = {name: name for name in _SAME} | {
    b"x-request-id": UPSTREAM_REQUEST_ID,
    b"apim-request-id": UPSTREAM_REQUEST_ID,
}


def passing(headers: Iterable[tuple[bytes, bytes]]) -> tuple[Headers, bytes]:
    """Return the headers that pass under their new names, and the content type (or empty)."""
    passed: Headers = []
    content_type = b""
    identified = False
    for name, value in headers:
        lowered = name.lower()
        new = PASSING.get(lowered)
        if new is not None:
            if new is UPSTREAM_REQUEST_ID:
                if identified:
                    continue
                identified = True
            passed.append((new, value))
        elif lowered == b"content-type":
            content_type = value
    return passed, content_type
