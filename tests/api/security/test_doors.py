"""Headers that protect, bounds of heads, and a proxy on this machine that makes nobody local."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.api.admin.administrator import ADMIN_KEY
from tests.api.asking import ask, bearer
from tests.api.gateway import Gateway, serving
from tests.api.raw import PATIENCE_S, connected, exchange, get, post
from tests.nginx import configuration, started
from tests.ports import free_port

SERVER = """
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass {upstream}; {further} }}
  }}
"""


@contextmanager
def nginx(folder: Path, upstream: str, further: str) -> Iterator[str]:
    """Run nginx as somebody sets it up in a minute."""
    folder.mkdir()
    port = free_port()
    server = SERVER.format(port=port, upstream=upstream, further=further)
    written = folder / "nginx.conf"
    written.write_text(configuration(folder, server))
    with started(written, folder, (port,)):
        yield f"http://127.0.0.1:{port}"


USUAL = "proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr;"
NEWER = "proxy_http_version 1.1; proxy_set_header X-Forwarded-Proto $scheme;"


@pytest.mark.parametrize("further", ["", USUAL, NEWER], ids=["bare", "usual", "newer"])
def test_a_proxy_makes_nobody_local(tmp_path: Path, further: str) -> None:
    """Without keys only this machine is served; who comes through a proxy on it is not let in."""
    with (
        serving(tmp_path / "gateway_") as gateway,
        nginx(tmp_path / "nginx", gateway.url, further) as before,
    ):
        assert ask(gateway.url, "/v1/models").status == 200
        for path in ("/v1/models", "/metrics"):
            assert ask(before, path).status == 401


def test_an_nginx_that_does_not_start_is_a_failure(tmp_path: Path) -> None:
    """The test that wants it fails at once, with what nginx complains of."""
    with (
        pytest.raises(AssertionError, match='unknown directive "no_such_word"'),
        nginx(tmp_path / "nginx", "http://127.0.0.1:9", "no_such_word;"),
    ):
        pass


@pytest.fixture(name="folders", autouse=True)
def _folders(tmp_path: Path) -> None:
    (tmp_path / "gateway_").mkdir()


def test_the_control_plane_protects_browsers(gateway: Gateway) -> None:
    """On JSON, on errors and on pages; the page of the docs keeps its own policy."""
    for path in ("/health", "/v1/models", "/no-such-page", "/openapi.json", "/docs"):
        said = ask(gateway.url, path).headers
        assert said["x-content-type-options"] == "nosniff"
        assert said["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in said["content-security-policy"]
        assert "strict-transport-security" not in said
    assert "script-src 'self'" in ask(gateway.url, "/docs").headers["content-security-policy"]


def test_administration_is_kept_by_no_cache(tmp_path: Path) -> None:
    """A new key is shown once, and refusals are not kept either."""
    settings = {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    with serving(tmp_path / "gateway_", settings=settings) as gateway:
        made = ask(
            gateway.url,
            "/admin/keys",
            method="POST",
            headers=bearer(ADMIN_KEY),
            body={"project": "team"},
        )
        assert made.status in {200, 201}
        assert made.headers["cache-control"] == "no-store"
        assert ask(gateway.url, "/admin/keys").headers["cache-control"] == "no-store"


BOUNDS = {"MAX_HEAD_BYTES": "4096", "MAX_HEADER_LINES": "40", "HEAD_TIMEOUT_S": "1"}


def test_the_bound_of_heads_however_they_arrive(gateway: Gateway) -> None:
    """64 KiB hold in one piece, in several, and for a head that others were read before."""
    large = get(b"/health", b"x: " + b"y" * 100_000)
    with connected(gateway.url) as wire:
        wire.send(get())
        assert wire.answer().status == 200
        wire.send(large)
        assert wire.answer().status == 431
    with connected(gateway.url) as wire:
        for at in range(0, len(large), 30_000):
            wire.send(large[at : at + 30_000])
            time.sleep(0.05)
        assert wire.answer().status == 431
    body = b'{"model":"echo","messages":[{"role":"user","content":"' + b"z" * 200_000 + b'"}]}'
    assert exchange(gateway.url, post(body)).status == 404, "a large body is no large head"
    assert exchange(gateway.url, get(b"/health", b"x: " + b"y" * 60_000)).status == 200


def test_the_bounds_of_heads_are_settings(tmp_path: Path) -> None:
    """Bytes, lines, and the time in which they must arrive; below them all is well."""
    with serving(tmp_path / "gateway_", settings=BOUNDS) as gateway:
        assert (
            exchange(gateway.url, get(b"/health", *[b"x-%d: y" % n for n in range(30)])).status
            == 200
        )
        large = exchange(gateway.url, get(b"/health", b"x: " + b"y" * 100_000))
        assert (large.status, large.error["code"]) == (431, "request_header_fields_too_large")
        many = exchange(gateway.url, get(b"/health", *[b"x-%d: y" % n for n in range(1000)]))
        assert many.status == 431
        with connected(gateway.url) as wire:
            began = time.monotonic()
            for piece in (b"GET /health HTTP/1.1\r\n", b"host: localhost\r\n", b"x: y\r\n"):
                wire.send(piece)
                time.sleep(0.2)
            late = wire.answer()
            assert (late.status, late.error["code"]) == (408, "request_timeout")
            assert time.monotonic() - began < PATIENCE_S
