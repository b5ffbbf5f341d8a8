"""What the chat's adapter says of a chat request, in the words of the request for a response."""

import re
from collections.abc import Iterable, Mapping, Sequence

from llmproxy.application.interfaces.upstream import Headers
from llmproxy.domain.errors import CallerError, GatewayError, InvalidRequest, Refused
from llmproxy.infra.providers.responses_over_chat.conversation import Place

NAMES: Mapping[str, str] = {
    "messages": "input",
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "response_format": "text.format",
    "reasoning_effort": "reasoning.effort",
    "verbosity": "text.verbosity",
    "logprobs": "top_logprobs",
}
OURS = frozenset(("stream_options",))
"""Asked for by the translation itself: nothing of the caller's was changed."""
LISTS = (b"x-llmproxy-changed: ", b"x-llmproxy-dropped: ")
DROPPED = LISTS[1]
_PLACE = re.compile(r"messages\[(\d+)\](?:\.tool_calls\[(\d+)\](?:\.function)?)?")
_WORD = re.compile(r"(?<=['`])[a-z_]+(?=['`.\[])")
_TOOL = re.compile(r"tools\[(\d+)\]\.function")


def said_back(text: str, places: Sequence[Place]) -> str:
    """Return a sentence of the adapter's with the caller's names of quoted fields."""

    def place(found: re.Match[str]) -> str:
        number, call = int(found[1]), found[2]
        if number >= len(places):
            return found[0]
        at = places[number]
        if call is None or int(call) >= len(at.calls):
            return at.at
        return at.calls[int(call)]

    text = _TOOL.sub(r"tools[\1]", _PLACE.sub(place, text))
    return _WORD.sub(lambda found: NAMES.get(found[0], found[0]), text)


def named_back(param: str | None, places: Sequence[Place]) -> str | None:
    """Return the caller's name of a field."""
    return None if param is None else said_back(f"'{param}'", places)[1:-1]


def error_back(error: GatewayError, places: Sequence[Place]) -> GatewayError:
    """Return an error that names the fields of the request as the caller wrote it."""
    if isinstance(error, Refused):
        error.param = named_back(error.param, places)
        if "param" in error.error:
            error.error = {**error.error, "param": error.param}
    elif isinstance(error, InvalidRequest):
        return InvalidRequest(
            said_back(str(error), places),
            code=error.code,
            param=named_back(error.param, places),
            hint=said_back(error.hint, places),
            detail=error.detail,
        )
    elif isinstance(error, CallerError):
        error.param = named_back(error.param, places)
    return error


def fields_back(fields: Iterable[str], more: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the caller's names of fields that were changed or dropped, `more` behind them."""
    named = [NAMES.get(field, field) for field in fields if field not in OURS]
    return tuple(dict.fromkeys((*named, *more)))


def headers_back(lines: Headers, dropped: Sequence[str] = ()) -> Headers:
    """Return the headers with the caller's names in the lists of fields, `dropped` among them."""
    made = []
    for line in lines:
        start = next((each for each in LISTS if line.startswith(each)), None)
        if start is None:
            made.append(line)
            continue
        fields = line[len(start) :].decode("latin-1").split(", ")
        named = fields_back(fields, dropped if start is DROPPED else ())
        if start is DROPPED:
            dropped = ()
        if named:
            made.append(start + ", ".join(named).encode("ascii", "replace"))
    if dropped:
        made.append(DROPPED + ", ".join(dropped).encode("ascii", "replace"))
    return made
