"""Which of a provider's headers may pass to the caller.

An allow-list, so that nothing of the account leaks.
"""

import re

from llmproxy.application.interfaces.upstream import Headers

PASSING = re.compile(
    rb"\n((?i:openai-(?:processing-ms|version)"
    rb"|x-ratelimit-(?:limit|remaining|reset)-(?:requests|tokens)):[^\r\n]*)"
)
"""The lines that pass as they are. Regular expressions, because every answer pays for this: a loop
over its dozen headers costs four times as much.
"""
REQUEST_ID = re.compile(rb"\n(?i:x-request-id|apim-request-id):[ \t]*([^\r\n]*)")
CONTENT_TYPE = re.compile(rb"\n(?i:content-type):[ \t]*([^\r\n]*)")


def passing(head: bytes) -> tuple[Headers, bytes]:
    """Return the header lines of an answer's head that pass, and the content type (or empty).

    The provider's request id passes under another name: `x-request-id` is this gateway's.
    """
    passed: Headers = PASSING.findall(head)
    request_id = REQUEST_ID.search(head)
    if request_id is not None:
        passed.append(b"x-llmproxy-upstream-request-id: " + request_id[1].rstrip())
    content_type = CONTENT_TYPE.search(head)
    return passed, b"" if content_type is None else content_type[1].rstrip()
