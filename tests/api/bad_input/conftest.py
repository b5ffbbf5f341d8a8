"""One server with low limits for all of this, looked at once more when all is over."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.api.documents import document
from tests.api.gateway import Gateway, run, serving
from tests.api.raw import Answer, chat, exchange, post
from tests.api.traces import journal, resident_bytes

MAX_BODY_BYTES = 1024 * 1024
BODY_TIMEOUT_S = 0.4
LIMITS = {"MAX_BODY_BYTES": str(MAX_BODY_BYTES), "BODY_TIMEOUT_S": str(BODY_TIMEOUT_S)}
MAX_GROWTH_BYTES = 32 * 1024 * 1024
"""Room for the allocator's habits after bodies of 1 MB; what is kept per request shows as more."""


@dataclass(frozen=True, slots=True)
class Strict:
    """The server and a key of it; without a key nothing but health is answered."""

    gateway: Gateway
    key: bytes

    @property
    def url(self) -> str:
        """Where it is."""
        return self.gateway.url

    @property
    def auth(self) -> bytes:
        """The header line of the key."""
        return b"authorization: Bearer " + self.key

    def post(self, body: bytes, *lines: bytes) -> Answer:
        """POST a chat request with the key."""
        return exchange(self.url, post(body, self.auth, *lines))

    def refuses(self, body: bytes, *lines: bytes) -> Answer:
        """POST what must be refused without a charge; the answer is a well-formed error."""
        before = journal(self.gateway)
        answer = self.post(body, *lines)
        assert answer.status >= 400, answer
        assert answer.error["type"] == "invalid_request_error"
        request_id = answer.header("x-request-id")
        assert request_id is not None
        assert request_id.startswith("req_")
        assert answer.header("x-should-retry") in {"false", None}
        assert journal(self.gateway) == before
        return answer

    def serves(self) -> bool:
        """Whether a usual request gets its answer."""
        answer = self.post(chat())
        text = json.loads(answer.body)["choices"][0]["message"]["content"]
        return answer.status == 200 and text == "hello there"


@pytest.fixture(scope="package", name="strict_server")
def _strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Strict]:
    folder = tmp_path_factory.mktemp("strict")
    here = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    data = {"LLMPROXY_DATA_DIR": str(folder / "data")}
    key = run({**here, **data}, "keys", "create", "--project", "tests").strip()
    with serving(folder, [document("echo", "Local", "Echo")], LIMITS) as gateway:
        strict = Strict(gateway, key.encode())
        for _ in range(200):
            assert strict.serves()
        before = resident_bytes(gateway.process.pid)
        yield strict
        assert strict.serves()
        grown = resident_bytes(gateway.process.pid) - before
        assert grown < MAX_GROWTH_BYTES, f"the server grew by {grown >> 20} MiB"
        assert " 500 " not in gateway.log


@pytest.fixture(name="strict")
def _strict(strict_server: Strict) -> Iterator[Strict]:
    """The server; a test after which it does not serve, or has crashed, is the test that fails."""
    yield strict_server
    strict_server.gateway.check()
    assert strict_server.serves()
