"""Values that can be mistaken for nothing else, and the search for them in what a gateway wrote."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote


def planted(what: str) -> str:
    """A value that could be a key and is found nowhere by chance."""
    return f"planted-{what}-x7Qz41vK9mWc83LpTr5Hn0Bd"


def forms(value: str) -> Iterator[bytes]:
    """How a value may stand in a file or an answer."""
    raw = value.encode()
    yield raw
    yield json.dumps(value)[1:-1].encode()
    yield quote(value, safe="").encode()
    yield raw.hex().encode()
    yield urlsafe_b64encode(raw).rstrip(b"=")
    # Inside of a longer text base64 begins elsewhere; two signs at each end depend on neighbours.
    for shift in range(3):
        yield b64encode(b"." * shift + raw)[4:-4]


def found(values: Mapping[str, str], written: Iterable[tuple[str, bytes]]) -> list[str]:
    """Where a value stands: "name of the value in place"."""
    sought = {name: tuple(forms(value)) for name, value in values.items()}
    return [
        f"{name} in {place}"
        for place, content in written
        for name, shapes in sought.items()
        if any(shape in content for shape in shapes)
    ]


def files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """All files under a folder with their content."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path), path.read_bytes()
