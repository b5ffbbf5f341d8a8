"""Tags of a call, by which its use can be summed up: of `x-llmproxy-tag`, and of `metadata`.

The header holds tags with commas between; what does not fit is refused, since it is written for
this gateway. `metadata` is OpenAI's field (up to 16 pairs of texts, keys of up to 64 and values of
up to 512 characters: the description of `metadata` in OpenAI's API reference): each pair becomes
the tag `key=value`. That field is the provider's to judge, so whatever is no such pair is passed
over; so is a pair that makes no tag, one that is longer than 128 characters or holds control
characters. Nothing is shortened: a tag is whole or not there.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import msgspec

from llmproxy.application.interfaces.call import RequestBody
from llmproxy.domain.errors import InvalidRequest
from llmproxy.infra.wire.unreadable import UNREADABLE

HEADER: Final = b"x-llmproxy-tag"
FIELD: Final = "metadata"
MAX_TAGS: Final = 16
"""Of the header, and as many of the field."""
MAX_TAG: Final = 128
MAX_FIELD_BYTES: Final = 128 * 1024
"""Sixteen pairs of the longest texts, every character written as an escape, are less."""
_texts: Final = msgspec.json.Decoder(dict[str, str]).decode
_values: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text: Final = msgspec.json.Decoder(str).decode


def tags_of(headers: Mapping[bytes, bytes], body: RequestBody) -> tuple[str, ...]:
    """Return the tags of a request, each once, those of the header first.

    Raises InvalidRequest naming the header.
    """
    written = headers.get(HEADER)
    if written is None and FIELD not in body.fields:
        return ()
    field = body.value(FIELD)
    tags = [] if written is None else _of_header(written)
    if field is not None and len(field) <= MAX_FIELD_BYTES:
        tags += _of_field(field)
    return tuple(dict.fromkeys(tags))


def _of_header(written: bytes) -> list[str]:
    """Read the header; empty elements of its list are none (RFC 9110, 5.6.1.2)."""
    try:
        text = written.decode("utf-8")
    except UnicodeDecodeError:
        raise _refused("it must be UTF-8") from None
    tags = [tag for each in text.split(",") if (tag := each.strip())]
    if len(tags) > MAX_TAGS:
        raise _refused(f"it holds {len(tags)} tags, and {MAX_TAGS} are the most")
    if not all(_fits(tag) for tag in tags):
        raise _refused(f"a tag is at most {MAX_TAG} printable characters")
    return tags


def _of_field(field: bytes) -> list[str]:
    pairs = _pairs(field)
    if len(pairs) > MAX_TAGS:
        return []
    tags = [f"{key}={value}" for key, value in pairs.items()]
    return [tag for tag in tags if _fits(tag)]


def _pairs(field: bytes) -> dict[str, str]:
    """Return the pairs of texts; there are none where the field is no object."""
    with suppress(*UNREADABLE):
        return _texts(field)
    pairs: dict[str, str] = {}
    with suppress(*UNREADABLE):  # not all of them are texts
        for key, value in _values(field).items():
            with suppress(*UNREADABLE):
                pairs[key] = _text(value)
    return pairs


def _fits(tag: str) -> bool:
    return len(tag) <= MAX_TAG and tag.isprintable()


def _refused(fault: str) -> InvalidRequest:
    return InvalidRequest(
        f"Invalid header 'x-llmproxy-tag': {fault}.", param="x-llmproxy-tag", code="invalid_value"
    )
