"""Which of a provider's headers may pass to the caller.

An allow-list, so that nothing of the account leaks.
"""

import re
from collections.abc import Sequence

from llmproxy.application.interfaces.upstream import Headers
from llmproxy.domain.errors import Broken

PASSING = re.compile(
    rb"\n((?i:openai-(?:processing-ms|version)"
    rb"|x-ratelimit-(?:limit|remaining|reset)-(?:requests|tokens)):[^\r\n]*)"
)
"""The lines that pass as they are. Regular expressions, because every answer pays for this: a loop
over its dozen headers costs four times as much.
"""
REQUEST_ID = re.compile(rb"\n(?i:(?:x-|apim-)?request-id):[ \t]*([^\r\n]*)")
CONTENT = re.compile(rb"\n(?i:content-(type|encoding)):[ \t]*([^\r\n]*)")

LOAD = re.compile(rb"\n(?i:azure-openai-deployment-utilization):[ \t]*([0-9.]{1,8})")
"""How full a provisioned deployment is, in percent, as `85.2%` or without the sign (Q&A 1838627 and
1703225 of learn.microsoft.com, where Microsoft warns that it is a hint and no metric; its "Get
started using provisioned deployments" has clients obey `retry-after-ms` once it is full).
"""


def load_percent(head: bytes) -> float | None:
    """Return how full the deployment that answered says it is, None where it does not."""
    found = LOAD.search(head)
    if found is None:
        return None
    try:
        return float(found[1])
    except ValueError:
        return None


def passing(head: bytes) -> tuple[Headers, bytes]:
    """Return the header lines of an answer's head that pass, and the content type (or empty).

    The provider's request id passes under another name: `x-request-id` is this gateway's. Raises
    Broken for a body in an encoding that was not asked for: its bytes cannot pass.
    """
    passed = passing_lines(head)
    content_type = b""
    for kind, value in CONTENT.findall(head):
        if kind.lower() == b"type":
            content_type = value.rstrip()
        elif value.rstrip().lower() not in (b"", b"identity"):
            raise Broken("The provider's answer is compressed.", detail=unasked(value))
    return passed, content_type


def passing_lines(head: bytes) -> Headers:
    """Return the header lines of any answer's head that pass."""
    passed: Headers = PASSING.findall(head)
    request_id = REQUEST_ID.search(head)
    if request_id is not None:
        passed.append(b"x-llmproxy-upstream-request-id: " + request_id[1].rstrip())
    return passed


def passing_failure(headers: Sequence[tuple[bytes, bytes]]) -> Sequence[tuple[bytes, bytes]]:
    """Return the headers of a failure that pass."""
    head = b"".join(b"\n%b: %b" % header for header in headers)
    pairs = [line.split(b":", 1) for line in passing_lines(head)]
    return [(name.lower(), value.strip()) for name, value in pairs]


def unasked(encoding: bytes) -> str:
    """Say for the log what is wrong with an encoded answer."""
    named = encoding[:50].decode("latin-1")
    return f"content-encoding: {named}, although accept-encoding: identity was sent"
