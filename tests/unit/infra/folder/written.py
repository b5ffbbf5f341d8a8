"""Writing the files of a test."""

from pathlib import Path


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, and make its folders if need be."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
