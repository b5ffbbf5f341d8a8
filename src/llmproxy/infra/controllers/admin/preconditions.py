"""Etags and what a request demands of them: RFC 9110, sections 8.8.3 and 13.1."""

import re
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from fastapi import Request

from llmproxy.domain.errors import EtagMismatch, InvalidRequest

_TAG: Final = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')


class Demand(NamedTuple):
    """`If-Match`: the present item, whatever it is (`present`), or the one with one of the tags."""

    present: bool
    tags: frozenset[str]


def etag_header(etag: str) -> str:
    """Return a store's etag as an entity tag. Cosmos DB's stand in quotes already."""
    quoted = len(etag) > 1 and etag.startswith('"') and etag.endswith('"')
    return etag if quoted else f'"{etag}"'


def if_match(request: Request) -> Demand | None:
    """Return what `If-Match` demands, None without it. Raises InvalidRequest.

    Weak tags are no match for a change (section 13.1.1), so that they are left out.
    """
    written = ", ".join(request.headers.getlist("if-match"))
    if not written:
        return None
    if written.strip() == "*":
        return Demand(present=True, tags=frozenset())
    tags = set()
    place = 0
    while place < len(written):
        found = _TAG.match(written, place)
        if found is None:
            raise InvalidRequest(
                "Invalid 'If-Match': it must be * or entity tags in quotes.",
                param="If-Match",
                code="invalid_value",
            )
        place = found.end()
        if found[1] is None:
            tags.add(found[2])
    return Demand(present=False, tags=frozenset(tags))


def create_only(request: Request) -> bool:
    """Whether `If-None-Match: *` asks for a new item only. Raises InvalidRequest for tags."""
    written = request.headers.get("if-none-match")
    if written is None:
        return False
    if written.strip() != "*":
        raise InvalidRequest(
            "Invalid 'If-None-Match': only * is known here.",
            param="If-None-Match",
            code="invalid_value",
        )
    return True


async def demanded(request: Request, present: Callable[[], Awaitable[str | None]]) -> str | None:
    """Return the store's etag that a change must find; None where any will do.

    `present` says what it is now, None when there is no such item. Raises EtagMismatch.
    """
    demand = if_match(request)
    if demand is None:
        return None
    etag = await present()
    if etag is None or not (demand.present or etag_header(etag) in demand.tags):
        raise EtagMismatch(
            "The etag in 'If-Match' is not the present one.",
            hint="Read the item again and repeat the change.",
        )
    return None if demand.present else etag
