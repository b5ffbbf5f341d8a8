"""Streams at a pace, and what each event was late: `python -m bench.paced`.

Keeps a number of streams open over connections of their own, each asking again as soon as it has
ended. Every event carries the upstream's clock (monotonic, which the processes of one machine
share), so its delay is the whole way through the gateway. A stream counts as complete when it was a
200, brought its events and ended in `data: [DONE]`. Prints "open N" once every connection has had
its first event, N of them being still open, and at the end one line of JSON.
"""

import argparse
import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import cast
from urllib.parse import urlsplit

import httptools
import uvloop
from typing_extensions import override

from bench import payload

_STAMP = re.compile(re.escape(payload.STAMP_MARK) + b"([0-9]{%d})" % payload.STAMP_DIGITS)
_EVENT_END = b"\n\n"
_OK = 200


@dataclass(slots=True)
class Tally:
    """What all streams have seen."""

    wanted: int
    opened: int = 0
    ended: int = 0
    complete: int = 0
    failed: int = 0
    events: int = 0
    reason: str = ""
    delays_us: list[int] = field(default_factory=list)
    all_open: asyncio.Event = field(default_factory=asyncio.Event)
    all_ended: asyncio.Event = field(default_factory=asyncio.Event)

    def first_event(self) -> None:
        """Note that a connection has had the first event of its first stream."""
        self.opened += 1
        if self.opened == self.wanted:
            self.all_open.set()

    def connection_ended(self) -> None:
        """Note that a connection has no more to ask."""
        self.ended += 1
        if self.ended == self.wanted:
            self.all_ended.set()

    def fail(self, reason: str) -> None:
        """Count a stream that was refused, cut or empty; the first reason is kept."""
        self.failed += 1
        self.reason = self.reason or reason


class StreamClient(asyncio.Protocol):
    """One connection that asks for `rounds` streams, one after another."""

    def __init__(self, request: bytes, rounds: int, tally: Tally) -> None:
        self._request = request
        self._left = rounds
        self._tally = tally
        self._first = True
        self._tail = b""
        self._events = 0
        self._done_seen = False
        self._now_us = 0
        self._closed = False

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first stream."""
        self._transport = cast("asyncio.Transport", transport)
        self._ask()

    def _ask(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._tail = b""
        self._events = 0
        self._done_seen = False
        self._transport.write(self._request)

    @override
    def data_received(self, data: bytes) -> None:
        """Bytes of the answer; the clock is read once for all events in them."""
        self._now_us = time.monotonic_ns() // 1000
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._give_up(f"not HTTP: {error!r}")

    def on_body(self, body: bytes) -> None:
        """httptools: a piece of the body, cut anywhere."""
        text = self._tail + body
        end = text.rfind(_EVENT_END) + len(_EVENT_END)
        if end < len(_EVENT_END):
            self._tail = text
            return
        self._tail = text[end:]
        tally = self._tally
        for stamp in _STAMP.findall(text, 0, end):
            tally.delays_us.append(self._now_us - int(stamp))
        self._events += text.count(b"data: ", 0, end)
        if self._first:
            self._first = False
            tally.first_event()
        self._done_seen = text.endswith(payload.DONE, 0, end)

    def on_message_complete(self) -> None:
        """httptools: the answer has ended; whether it is complete its last event tells."""
        status, events = self._parser.get_status_code(), self._events
        if status != _OK or not self._done_seen or events < payload.CHUNKS:
            self._give_up(f"status {status}, {events} events: {self._tail[:200]!r}")
            return
        self._tally.complete += 1
        self._tally.events += events
        self._left -= 1
        if self._left:
            # Not from inside the parser: the next answer gets a parser of its own.
            asyncio.get_running_loop().call_soon(self._ask)
        else:
            self._close()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Notice that the gateway has hung up."""
        if not self._closed:
            self._give_up(f"connection lost: {exc!r}")

    def _give_up(self, reason: str) -> None:
        if not self._closed:
            self._tally.fail(reason)
            self._close()

    def _close(self) -> None:
        self._closed = True
        self._tally.connection_ended()
        self._transport.close()


def request_bytes(url: str, key: str, body: bytes) -> bytes:
    """Write the request as it goes over the wire."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
        "content-type: application/json\r\naccept: text/event-stream\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def quantile(values: list[int], share: float) -> float:
    """Pick the value below which `share` of the sorted values lie; 0 of none."""
    return float(values[min(len(values) - 1, int(len(values) * share))]) if values else 0.0


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Open the streams, wait for their end, and say what was seen."""
    body = payload.request_body(
        stream=True, pace_ms=arguments.pace_ms or None, model=arguments.model
    )
    request = request_bytes(arguments.url, arguments.key, body)
    parts = urlsplit(arguments.url)
    loop = asyncio.get_running_loop()
    tally = Tally(arguments.streams)
    began = time.monotonic()
    for _ in range(arguments.streams):
        try:
            await loop.create_connection(
                lambda: StreamClient(request, arguments.rounds, tally), parts.hostname, parts.port
            )
        except OSError as error:
            tally.fail(f"no connection: {error!r}")
            tally.connection_ended()
    opening = asyncio.create_task(_say_open(tally))
    try:
        await asyncio.wait_for(tally.all_ended.wait(), arguments.limit_s)
    except TimeoutError:
        unfinished = tally.wanted - tally.ended
        tally.failed += unfinished
        tally.reason = tally.reason or f"{unfinished} unfinished after {arguments.limit_s:.0f} s"
    opening.cancel()
    return _summary(tally, time.monotonic() - began)


async def _say_open(tally: Tally) -> None:
    await tally.all_open.wait()
    print(f"open {tally.wanted - tally.ended}", flush=True)


def _summary(tally: Tally, seconds: float) -> dict[str, object]:
    delays = sorted(tally.delays_us)
    return {
        "complete": tally.complete,
        "failed": tally.failed,
        "opened": tally.opened,
        "reason": tally.reason,
        "events": tally.events,
        "seconds": seconds,
        "delay_p50_us": quantile(delays, 0.5),
        "delay_p99_us": quantile(delays, 0.99),
        "delay_max_us": quantile(delays, 1.0),
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="http address of the chat completions")
    parser.add_argument("--key", required=True, help="bearer key")
    parser.add_argument("--model", default=payload.MODEL, help="model of the request")
    parser.add_argument("--streams", type=int, default=200, help="streams open at the same time")
    parser.add_argument("--rounds", type=int, default=3, help="streams per connection")
    parser.add_argument("--pace-ms", type=int, default=20, help="time between events; 0: no pace")
    parser.add_argument("--limit-s", type=float, default=60.0, help="give up after so many seconds")
    print(json.dumps(uvloop.run(run(parser.parse_args()))), flush=True)


if __name__ == "__main__":
    main()
