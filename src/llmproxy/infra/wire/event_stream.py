"""Server-sent events that have all arrived (WHATWG HTML, "Server-sent events")."""

from collections.abc import Iterator


def data_in(events: bytes) -> Iterator[bytes]:
    """Yield the data of each event that has any; several data lines are joined."""
    if b"\r" in events:
        events = events.replace(b"\r\n", b"\n")
    for event in events.split(b"\n\n"):
        if event.startswith(b"data: ") and b"\n" not in event:
            yield event[6:]
            continue
        lines = [line[5:] for line in event.split(b"\n") if line.startswith(b"data:")]
        if lines:
            yield b"\n".join(line.removeprefix(b" ") for line in lines)
