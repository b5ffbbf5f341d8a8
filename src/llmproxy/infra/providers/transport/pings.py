"""What providers send in a stream only to keep a connection open."""

PINGS = (b":", b"event: ping", b"event:ping", b"event: keepalive", b'data: {"type":"keepalive"')
"""How such events begin.

Comments (the HTML standard, 9.2.7, recommends them for this), Anthropic's `ping` (anthropic 2.12.0,
`_streaming.py`: passed over) and OpenAI's `keepalive`, which is in no description but is sent
(openai/openai-node, issue 1964).
"""


def only_pings(data: bytes) -> bool:
    """Whether these bytes of a stream, which begin like a ping, hold nothing else."""
    return all(map(_is_ping, data.replace(b"\r", b"").split(b"\n\n")))


def _is_ping(block: bytes) -> bool:
    if block.startswith(PINGS[1:]):
        return True
    return all(line.startswith(b":") for line in block.split(b"\n") if line)
