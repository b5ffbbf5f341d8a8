"""nginx in front of two gateways, configured as docs/lifecycle.md says."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.nginx import configuration, started
from tests.ports import free_port

SERVER = """
{upstream}
  server {{
    listen 127.0.0.1:{port};
{location}
  }}
"""
DOCUMENT = Path(__file__).parents[3] / "docs" / "lifecycle.md"


def advised(ports: Sequence[int]) -> tuple[str, str]:
    """The blocks `upstream` and `location` of docs/lifecycle.md, for these ports."""
    _, _, rest = DOCUMENT.read_text("utf-8").partition("```nginx\n")
    block, _, _ = rest.partition("```")
    upstream, _, location = block.partition("\n\n")
    for written, port in zip(("10.0.0.1:8000", "10.0.0.2:8000"), ports, strict=True):
        assert upstream.count(written) == 1
        upstream = upstream.replace(written, f"127.0.0.1:{port}")
    return upstream, location


@contextmanager
def balancing(folder: Path, ports: Sequence[int]) -> Iterator[str]:
    """Run nginx before these ports while the block runs; yield its address."""
    folder.mkdir()
    port = free_port()
    upstream, location = advised(ports)
    server = SERVER.format(upstream=upstream, location=location, port=port)
    written = folder / "nginx.conf"
    written.write_text(configuration(folder, server))
    with started(written, folder, (port,)):
        yield f"http://127.0.0.1:{port}"
