"""Reading requests off a connection, for the servers that stand behind and beside the gateways."""

import asyncio
from typing import cast

import httptools
from typing_extensions import override


class Requests(asyncio.Protocol):
    """One connection, whose requests are answered in order by `on_message_complete`."""

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Get ready for the requests of one connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._path = b""

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes of requests."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """httptools: a piece of the request's target."""
        self._path += url
