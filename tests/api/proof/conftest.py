"""A server before an upstream that keeps the very bytes it was sent.

Every model of the recorded requests is called the same here and there; `renamed` is called
otherwise at the provider; `defaults` has defaults for what a request leaves out. `only` is a key
for a single model, for requests that name none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.asking import within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, run, serving
from tests.api.proof.recorded import MODELS
from tests.api.raw import Answer, connected, get, post
from tests.api.upstream_faults.scripted import HEAD_END, Scripted, http, scripted
from tests.properties import prepare

prepare()
UPSTREAM_MODEL = 'mod\u00e8le/\u4e16 "1"'
DEFAULTS = {
    "temperature": 0.25,
    "top_p": 0.5,
    "frequency_penalty": 0.125,
    "presence_penalty": -1,
    "max_tokens": 77,
}
EVERYTHING = ["ChatCompletion", "embeddings", "images", "audio_tts", "audio_stt", "moderations"]
JSON = b"application/json"
KEPT_HEADERS = (b"x-request-id: req_upstream", b"openai-processing-ms: 12", b"set-cookie: a=b")


@dataclass(frozen=True, slots=True)
class Got:
    """What the upstream received, and what the client received."""

    head: bytes
    body: bytes
    answer: Answer

    @property
    def headers(self) -> dict[str, str]:
        """The headers that reached the upstream."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        return {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}


@dataclass(frozen=True, slots=True)
class Stage:
    """The server and its upstream."""

    gateway: Gateway
    upstream: Scripted
    key: bytes
    only: bytes

    def send(
        self,
        operation: str,
        body: bytes,
        framed: bytes | tuple[bytes, ...],
        *,
        key: bytes = b"",
        kind: bytes = JSON,
    ) -> Got:
        """Send a request of this content type that is answered so (see `whole` and `events`)."""
        self.upstream.says(framed)
        with connected(self.gateway.url) as wire:
            bearer = b"authorization: Bearer " + (key or self.key)
            lines = (bearer, b"content-type: " + kind)
            wire.send(post(body, *lines, path=b"/v1/" + operation.encode()))
            got = wire.answer()
        assert got.status == 200, got.body
        [request] = self.upstream.asked
        head, _, sent = request.partition(HEAD_END)
        return Got(head, sent, got)


def whole(answer: bytes, kind: bytes = JSON) -> bytes:
    """An answer in one piece, with headers that pass and one that does not."""
    return http(answer, b"content-type: " + kind, *KEPT_HEADERS)


def _document(code: str, endpoint: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401
    made = document(
        code,
        "OpenAI",
        "OpenAI",
        secret_name="OPENAI_SIMULATOR_KEY",
        endpoint=endpoint,
        **parameters,
    )
    return made | {"operations": EVERYTHING}


@pytest.fixture(scope="package", name="stage")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with scripted() as upstream:
        documents = [
            *(_document(model, upstream.base_url) for model in MODELS),
            _document("renamed", upstream.base_url, model=UPSTREAM_MODEL),
            _document("defaults", upstream.base_url, **DEFAULTS),
        ]
        with serving(tmp_path_factory.mktemp("proof"), documents, SECRETS) as gateway:
            made = ["keys", "create", "--project", "proof"]
            key = run(gateway.environment, *made).strip()
            only = run(gateway.environment, *made, "--models", "renamed").strip()
            stage = Stage(gateway, upstream, key.encode(), only.encode())
            assert within(10.0, lambda: _knows(stage))
            yield stage
            gateway.check()


def _knows(stage: Stage) -> bool:
    """Whether the server has seen the keys: it then refuses others, and answers to the last one."""
    return (_status(stage, b"nobody"), _status(stage, stage.only)) == (401, 200)


def _status(stage: Stage, key: bytes) -> int:
    with connected(stage.gateway.url) as wire:
        wire.send(get(b"/v1/models", b"authorization: Bearer " + key))
        return wire.answer().status
