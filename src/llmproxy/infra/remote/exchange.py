"""Requests to a running gateway, one after another on one connection, in a thread."""

import asyncio
import http.client
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

from llmproxy.domain.errors import Unavailable
from llmproxy.domain.secret import Secret
from llmproxy.infra.remote.address import Address
from llmproxy.infra.remote.failures import failure

TIMEOUT_S: Final = 30.0
"""Longest silence; an import of many documents is the longest that a gateway works at."""
MAX_ANSWER_BYTES: Final = 256 * 1024 * 1024
PAGE: Final = 1000
_MAX_PAGES: Final = 1000
MERGE_PATCH: Final = "application/merge-patch+json"
_JSON: Final = "application/json"


class Reply(NamedTuple):
    """A good answer: its JSON object, empty for none, and its ETag, quotes and all."""

    values: Mapping[str, object]
    etag: str
    body: bytes


class Exchange:
    """Not for use by several tasks at once. No proxy is used and no redirect followed."""

    def __init__(self, address: Address, key: Secret, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address
        self._key = key
        self._timeout_s = timeout_s
        self._connection: http.client.HTTPConnection | None = None

    async def ask(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Mapping[str, object] | None = None,
        etag: str | None = None,
        kind: str = _JSON,
    ) -> Reply:
        """Send one request. Raises the GatewayError that the answer means, or Unavailable."""
        headers = {"authorization": f"Bearer {self._key.expose()}", "accept": _JSON}
        if body is not None:
            headers["content-type"] = kind
        if etag is not None:
            headers["if-match"] = etag
        data = json.dumps(body).encode() if isinstance(body, Mapping) else body
        return await asyncio.to_thread(self._ask, method, path, data, headers)

    async def pages(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, object]]:
        """Yield the rows of a list, page after page."""
        after: dict[str, str] = {}
        for _ in range(_MAX_PAGES):
            asked = urlencode({**query, **after, "limit": str(PAGE)})
            values = (await self.ask("GET", f"{path}?{asked}")).values
            rows = values.get("data")
            for row in rows if isinstance(rows, list) else ():
                yield row
            last = values.get("last_id")
            if values.get("has_more") is not True or not isinstance(last, str):
                return
            after = {"after": last}
        raise Unavailable(f"{self._address.text} has more than {_MAX_PAGES} pages of {path}.")

    async def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            await asyncio.to_thread(self._connection.close)

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        try:
            return self._exchange(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None
            why = str(error) or type(error).__name__
            raise Unavailable(f"{self._address.text} cannot be asked: {why}.") from error

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Reply:
        """Send and receive; a kept connection that was closed meanwhile is opened anew, once.

        Such a request was not read by the gateway: it answers nothing on a closed connection.
        """
        kept = self._connection is not None
        connection = self._connection = self._connection or self._connect()
        target = f"{self._address.prefix}{path}"
        try:
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
        except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
            connection.close()
            if not kept or method != "GET":
                raise
            connection = self._connection = self._connect()
            connection.request(method, target, body=body, headers=dict(headers))
            answer = connection.getresponse()
        data = answer.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise http.client.HTTPException(f"an answer of more than {MAX_ANSWER_BYTES:,} bytes")
        if not 200 <= answer.status < 300:
            raise failure(self._address.text, answer.status, data)
        return Reply(self._values(data), answer.getheader("etag") or "", data)

    def _values(self, data: bytes) -> Mapping[str, object]:
        if not data:
            return {}
        try:
            found = json.loads(data)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise http.client.HTTPException("the answer is no JSON object")
        return found

    def _connect(self) -> http.client.HTTPConnection:
        host, port = self._address.host, self._address.port
        if not self._address.secure:
            return http.client.HTTPConnection(host, port, timeout=self._timeout_s)
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)


def path_of(*parts: str) -> str:
    """Return a path under `/admin`; every part is quoted."""
    return "/admin/" + "/".join(quote(part, safe="") for part in parts)
