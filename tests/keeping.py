"""Answers that are kept before a test goes on."""

import asyncio

from llmproxy.application.interfaces.response_cache import Kept, ResponseCache


async def keep(cache: ResponseCache, key: bytes, kept: Kept) -> None:
    """Have it kept, and wait until that has happened or failed."""
    keeping = cache.put(key, kept)
    if keeping is not None:
        await asyncio.wait([keeping])
