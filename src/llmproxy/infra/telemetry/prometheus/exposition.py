"""The text of all families: of one worker, and of several put together."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from llmproxy.infra.telemetry.prometheus.family import Family

PIECE_LINES: Final = 250
"""So many are written at once, in less than a millisecond; then others have a turn."""
_HEAD: Final = "# HELP "
Block = tuple[Family, Iterator[str]]


async def written(blocks: Iterable[Block]) -> str:
    """Return the exposition, ending in a line feed.

    It is read piece by piece: calls that end meanwhile may be counted in one family and not in
    another, never in a part of one histogram.
    """
    lines: list[str] = []
    async for piece in _pieces(blocks):
        lines += piece
    return "\n".join(lines) + "\n"


async def _pieces(blocks: Iterable[Block]) -> AsyncIterator[list[str]]:
    lines: list[str] = []
    for family, samples in blocks:
        lines.append(family.head)
        for line in samples:
            lines.append(line)
            if len(lines) >= PIECE_LINES and not line.startswith(f"{family.name}_bucket"):
                yield lines
                lines = []
                await asyncio.sleep(0)
    yield lines


def merged(texts: Iterable[str]) -> str:
    """Return several workers' texts as one, in which each family has its head once.

    Megabytes take some ten milliseconds: it is for a thread. Raises ValueError for what is no
    exposition. The lines of a family must stand together
    (prometheus.io/docs/instrumenting/exposition_formats). Workers of different versions may differ
    in their words: those of the first stand.
    """
    heads: dict[str, str] = {}
    samples: dict[str, list[str]] = {}
    for text in texts:
        for part in text.split(_HEAD)[1:]:
            words_end = part.index("\n")
            head_end = part.index("\n", words_end + 1) + 1
            name = part[: part.index(" ")]
            if name not in heads:
                heads[name] = _HEAD + part[:head_end]
                samples[name] = []
            samples[name].append(part[head_end:])
    return "".join([head + "".join(samples[name]) for name, head in heads.items()])
