"""Calls and deployments of Google's models for tests, without a network."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

from typing_extensions import override

from llmproxy.application.interfaces.call import Call, Outgoing, Upload, UploadedPart
from llmproxy.domain.caller import Caller
from llmproxy.domain.model import Model, Parameters
from llmproxy.domain.operation import OPERATION_OF, Endpoint, Operation
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.google_media.entry import translations_of
from llmproxy.infra.providers.translated.translation import Sent, Translated, Translation
from llmproxy.infra.providers.transport.target import target
from llmproxy.infra.wire.json_object import JsonObject

Json = dict[str, Any]
CALLER = Caller(key_id="key_1", project="alpha", models=None, admin=False, expires_at=None)


class FakeUpload(Upload):
    """A form in memory: names and texts, and files as bytes. `lost` fails when it is read."""

    def __init__(self, fields: Iterable[tuple[str, str | bytes]], *, lost: bool = False) -> None:
        self._values = [(name, value) for name, value in fields]
        self.lost = lost
        self.read_names: list[str] = []

    @override
    def naming(self, model: str) -> Outgoing:
        raise NotImplementedError

    @override
    def parts(self) -> Sequence[UploadedPart]:
        return [
            UploadedPart(name, isinstance(value, bytes), at, len(value))
            for at, (name, value) in enumerate(self._values)
        ]

    @override
    async def read(self, part: UploadedPart) -> bytes:
        if self.lost:
            raise OSError("the disk is gone")
        name, value = self._values[part.start]
        self.read_names.append(name)
        return value if isinstance(value, bytes) else value.encode()


def call(endpoint: Endpoint, body: Json, upload: Upload | None = None) -> Call:
    """Return a call for the model `mine` of a client's."""
    asked = JsonObject(json.dumps({"model": "mine", **body}).encode())
    spoken = body.get("input")
    return Call(
        request_id="r",
        caller=CALLER,
        endpoint=endpoint,
        operation=OPERATION_OF[endpoint],
        model="mine",
        body=asked,
        prompt_bytes=len(asked.raw),
        max_output_tokens=None,
        choices=int(body.get("n", 1)),
        stream=body.get("stream") in (True, "true") or body.get("stream_format") == "sse",
        silence_s=None,
        started_at=0.0,
        counted=Usage(characters=len(spoken)) if isinstance(spoken, str) else None,
        upload=upload,
    )


def model(name: str, operations: Iterable[Operation] = Operation, /, **parameters: Any) -> Model:  # noqa: ANN401
    """Return a registered model; `name` is the provider's."""
    further = parameters.pop("extra", {})
    given = {"gcp_project": "p", "location": "us-central1", **parameters}
    return Model(
        id="mine",
        code="mine",
        name="Mine",
        provider="Google",
        model_type="GoogleVertex",
        projects=frozenset(),
        private=False,
        parameters=Parameters(model=name, extra=further, **given),
        price=None,
        operations=frozenset(operations),
        document={},
    )


def offered(registered: Model) -> dict[Endpoint, Translation]:
    """Return what a document offers."""
    return dict(translations_of(target, registered))


def translation(endpoint: Endpoint, name: str, /, **parameters: Any) -> Translation:  # noqa: ANN401
    """Return one endpoint of a deployment."""
    registered = model(name, (OPERATION_OF[endpoint],), **parameters)
    return offered(registered)[endpoint]


def sent(made: Translation, asked: Call) -> Sent:
    """Return what goes to the provider."""
    return asyncio.run(made.request(asked))


def answered(made: Translation, asked: Call, bodies: Sequence[bytes]) -> Translated:
    """Return what answers become."""

    async def both() -> Translated:
        going = await made.request(asked)
        assert len(going.further) == len(bodies) - 1
        if len(bodies) > 1:
            return await made.joined(asked, going, bodies)
        return await made.answer(asked, going, bodies[0])

    return asyncio.run(both())


def path_of(going: Sent) -> str:
    """Return host and path of a request."""
    lines = going.target.head.decode().split("\r\n")
    host = next(line.partition(": ")[2] for line in lines if line.startswith("host:"))
    return host + lines[0].split(" ")[1]
