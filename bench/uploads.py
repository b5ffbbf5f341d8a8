"""Many uploads at once: `python -m bench.uploads --url … --key …`.

All connections send most of their form, wait for each other, and then send the rest, so that all
are under way together. Prints one JSON line.
"""

import argparse
import asyncio
import json
from urllib.parse import urlsplit

from bench import relayed

_LAST_BYTES = 1000


async def _upload(url: str, key: str, body: bytes, gate: asyncio.Barrier) -> bool:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\nauthorization: Bearer {key}\r\n"
        f"content-type: {relayed.FORM_TYPE}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode())
    view = memoryview(body)
    for at in range(0, len(body) - _LAST_BYTES, 65_536):
        writer.write(view[at : min(at + 65_536, len(body) - _LAST_BYTES)])
        await writer.drain()
    await gate.wait()
    writer.write(view[-_LAST_BYTES:])
    status = await reader.readline()
    writer.close()
    return b" 200 " in status


async def _all(url: str, key: str, uploads: int, size: int) -> int:
    body = relayed.form(size)
    gate = asyncio.Barrier(uploads)
    return sum(await asyncio.gather(*[_upload(url, key, body, gate) for _ in range(uploads)]))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--size", type=int, default=10 * relayed.MEGABYTE)
    asked = parser.parse_args()
    complete = asyncio.run(_all(asked.url, asked.key, asked.uploads, asked.size))
    print(json.dumps({"complete": complete, "failed": asked.uploads - complete}), flush=True)


if __name__ == "__main__":
    main()
