"""The check of `stream_options`, which chat completions and completions share."""

import msgspec

from llmproxy.domain.errors import InvalidRequest

MAX_STREAM_OPTIONS_BYTES = 512
"""Two booleans need no more; whoever reads them again need not fear their depth."""


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


_stream_options = msgspec.json.Decoder(_StreamOptions | None)


def check_stream_options(text: msgspec.Raw) -> None:
    """Raise InvalidRequest for what is no such object."""
    problem = InvalidRequest(
        "Invalid type for 'stream_options': expected an object with a boolean 'include_usage'.",
        param="stream_options",
        code="invalid_type",
    )
    if len(text) > MAX_STREAM_OPTIONS_BYTES:
        raise problem
    try:
        _stream_options.decode(text)
    except msgspec.DecodeError as error:
        raise problem from error
