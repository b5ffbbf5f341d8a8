"""Bytes that are no events: speech, handed over as it arrives."""

from typing_extensions import override

from llmproxy.domain.errors import Broken
from llmproxy.infra.providers.openai_wire.incoming import Incoming, unexpected_kind

NOT_BINARY = (b"application/json", b"text/event-stream", b"text/html")


class BinaryStream(Incoming):
    """Every byte is content. Complete when the provider's own framing says so."""

    @override
    def _check_kind(self, content_type: bytes) -> None:
        if not content_type or content_type.startswith(NOT_BINARY):
            raise unexpected_kind(content_type)
        self.headers.append(b"content-type: " + content_type)
        self._exchange.pings = ()

    @override
    def _relay(self, data: bytes) -> bytes:
        self._bytes += len(data)
        return data

    @override
    def _check_end(self) -> None:
        if not self._bytes:
            raise Broken("The provider's answer is empty.")
        self._done = True

    @override
    def _forward(self, data: bytes) -> bool:
        if not self._sink(data):
            return False
        self._bytes += len(data)
        return True

    @property
    @override
    def output_bytes(self) -> int:
        return 0

    @property
    @override
    def passed(self) -> int:
        return 0

    @override
    def _speaks(self, batch: bytes) -> bool:
        return bool(batch)
