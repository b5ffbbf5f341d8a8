"""What stands in a journal file: one JSON object a line.

```json
{"journal":2,"worker":"9f86d081884c7d65","number":1}
{"request_id":"req_1", … the fields of `Opened`}
{"request_id":"req_1", … the fields of `Closed`}
{"next":"9f86d081884c7d65-000002.jsonl"}
```

The first line names the format. The last stands only in a file that another goes on from: calls
that were open then are opened there again. Only a `Closed` has an `outcome`; its `usage` is an
array in the order of `domain.usage.Usage`.
"""

import re
import time
from dataclasses import dataclass, field
from typing import Final

import msgspec

from llmproxy.application.interfaces.journal import Closed, Opened, Outcome
from llmproxy.application.interfaces.limiter import Told, Used
from llmproxy.domain.caller import charged_project
from llmproxy.domain.usage import Usage

FORMAT: Final = 2
SUFFIX: Final = ".jsonl"
OURS: Final = re.compile(r"(?P<worker>[0-9a-f]{16})-(?P<number>[0-9]{6,})\.jsonl")
"""Names of files of this format."""
OLDER: Final = re.compile(r"[0-9]+-[0-9a-f]{8}-[0-9]{6,}\.jsonl")
"""Names of files of the format before, which told too little to make rows of."""

_encoder: Final = msgspec.json.Encoder()
encode: Final = _encoder.encode
encode_into: Final = _encoder.encode_into
"""Into a bytearray, from its beginning: cheaper than new bytes for every line."""
LINE_FEED: Final = 10
_opened: Final = msgspec.json.Decoder(Opened).decode
_closed: Final = msgspec.json.Decoder(Closed).decode

_SETTLED: Final = b'"outcome":'
"""Within a JSON string its quotes are escaped: a line that has these bytes has the field."""
_CALL: Final = b'{"request_id":'
_HEADER: Final = f'{{"journal":{FORMAT},'.encode()
_NEXT: Final = b'{"next":'
_TURN: Final = 64
"""Lines after which another thread gets a turn: about half a millisecond."""


@dataclass(slots=True)
class Piece:
    """Whole lines of a file, from the byte `begin` to the byte `end`.

    `damaged` are the bytes at which lines begin that make no sense.
    """

    begin: int
    end: int
    opened: list[Opened] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    """The byte at which each of `closed` begins."""
    damaged: list[int] = field(default_factory=list)
    next: bool = False


def file_name(worker: str, number: int) -> str:
    """Return the name of a worker's file."""
    return f"{worker}-{number:06d}{SUFFIX}"


def header(worker: str, number: int) -> bytes:
    """Return the first line of a file."""
    return encode({"journal": FORMAT, "worker": worker, "number": number}) + b"\n"


def continuation(name: str) -> bytes:
    """Return the last line of a file that `name` goes on from."""
    return encode({"next": name}) + b"\n"


def settled(data: bytes, begin: int) -> Piece:
    """Read the settlements alone: a worker knows its own admissions."""
    return _read(data, begin, admissions=False)


def everything(data: bytes, begin: int) -> Piece:
    """Read all lines. What follows the last line feed is not looked at."""
    return _read(data, begin, admissions=True)


def _read(data: bytes, begin: int, *, admissions: bool) -> Piece:
    whole = data.rfind(b"\n") + 1
    piece = Piece(begin, begin + whole)
    place = begin
    for number, line in enumerate(data[:whole].splitlines(keepends=True)):
        if number % _TURN == _TURN - 1:
            time.sleep(0)  # in a thread: lets the event loop have the interpreter
        _take(piece, line, place, admissions=admissions)
        place += len(line)
    return piece


def _take(piece: Piece, line: bytes, place: int, *, admissions: bool) -> None:
    try:
        if _SETTLED in line:
            piece.closed.append(_closed(line))
            piece.at.append(place)
        elif line.startswith(_CALL):
            if admissions:
                piece.opened.append(_opened(line))
        elif line.startswith(_NEXT):
            piece.next = True
        elif place or not line.startswith(_HEADER):
            piece.damaged.append(place)
    except msgspec.MsgspecError:
        piece.damaged.append(place)


def is_ours(data: bytes) -> bool:
    """Whether a file that begins with these bytes has this format."""
    return data.startswith(_HEADER)


def interrupted(entry: Opened) -> Closed:
    """Return the row of a call of which nothing more is known: charged for its prompt."""
    return Closed(
        request_id=entry.request_id,
        at=entry.at,
        key_id=entry.key_id,
        project=entry.project,
        model=entry.model,
        operation=entry.operation,
        deployment=entry.deployment,
        outcome=Outcome.INTERRUPTED,
        status=None,
        error=None,
        attempts=[],
        usage=Usage(input_tokens=entry.prompt_tokens, estimated=True),
        cost_nano=entry.prompt_nano,
        currency=entry.currency,
        counted=1,
        duration_s=0.0,
        first_content_s=None,
        overhead_s=0.0,
        stream=False,
        tags=entry.tags,
    )


def told(row: Closed, place: int) -> Told:
    """Return what limits count of a row that begins at this byte of its file."""
    used = Used(row.cost_nano, row.usage.total_tokens, row.counted)
    project = charged_project(row.key_id, row.project)
    return Told(row.at, row.key_id, project, row.model, row.deployment, row.currency, used, place)
