"""Checks AWS Signature Version 4 of a request, by the specification and not by botocore.

docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html: the path is
encoded once more than it stands in the request, for every service but S3.
"""

import hashlib
import hmac
import re
from urllib.parse import quote, urlsplit

from tests.simulators.http import Request

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/((\d{8})/([^/]+)/([^/]+)/aws4_request), "
    r"SignedHeaders=([a-z;-]+), Signature=([0-9a-f]{64})"
)


def fault(request: Request, access_key: str, secret_key: str, region: str) -> str:
    """What is wrong with a signature; empty when it is right."""
    found = _AUTHORIZATION.fullmatch(request.header("authorization") or "")
    if found is None:
        return "there is no signature"
    key, scope, day, place, service, signed, signature = found.groups()
    at = request.header("x-amz-date") or ""
    if (key, place, service, at[:8]) != (access_key, region, "bedrock", day):
        return f"it is for another key, place, service or day: {found[0]}"
    lines = [f"{name}:{(request.header(name) or '').strip()}\n" for name in signed.split(";")]
    parts = urlsplit(request.target)
    canonical = "\n".join(
        (
            request.method,
            quote(parts.path, safe="/-_.~"),
            parts.query,
            "".join(lines),
            signed,
            hashlib.sha256(request.body).hexdigest(),
        )
    )
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    made = f"AWS4{secret_key}".encode()
    for step in (day, place, service, "aws4_request"):
        made = hmac.digest(made, step.encode(), "sha256")
    wanted = hmac.new(made, text.encode(), "sha256").hexdigest()
    return "" if hmac.compare_digest(wanted, signature) else "it does not fit the request"
