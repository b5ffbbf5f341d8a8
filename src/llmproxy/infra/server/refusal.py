"""The answer to bytes that never became a request, in OpenAI's error envelope."""

import json
from http import HTTPStatus


def refusal(status: int, code: str, message: str) -> bytes:
    """Return a whole HTTP/1.1 answer that closes the connection."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    body = json.dumps({"error": error}).encode()
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        "content-type: application/json\r\n"
        f"content-length: {len(body)}\r\n"
        "x-should-retry: false\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode("ascii") + body
