"""A page of another origin in a real browser, and what it may not do."""

import http.server
import json
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.api.asking import ask, within
from tests.api.browser import LIMIT_S, opened
from tests.api.gateway import Gateway, run, serving

SCRIPT = """
<!doctype html><meta charset="utf-8"><script>
const tell = (what) => fetch("/", {method: "POST", body: JSON.stringify(what)});
async function run() {
  const answer = await fetch("GATEWAY/v1/chat/completions", {
    method: "POST",
    headers: {authorization: "Bearer KEY", "content-type": "application/json",
      "x-stainless-lang": "js"},
    body: JSON.stringify({model: "echo", stream: true,
      messages: [{role: "user", content: "hello from a page"}]}),
  });
  const reader = answer.body.getReader(), decoder = new TextDecoder();
  let text = "", pieces = 0;
  for (;;) {
    const {done, value} = await reader.read();
    if (done) break;
    pieces += 1;
    text += decoder.decode(value, {stream: true});
  }
  const words = [...text.matchAll(/"content":"([^"]*)"/g)].map((each) => each[1]).join("");
  const refused = await fetch("GATEWAY/v1/chat/completions", {method: "POST", body: "{}",
    headers: {authorization: "Bearer wrong", "content-type": "application/json"}});
  let admin = "opened";
  try { await fetch("GATEWAY/admin/keys", {headers: {authorization: "Bearer KEY"}}); }
  catch (error) { admin = "closed"; }
  return {status: answer.status, words, done: text.includes("[DONE]"),
    id: answer.headers.get("x-request-id"), model: answer.headers.get("x-llmproxy-model"),
    refused: refused.status, code: (await refused.json()).error.code, admin};
}
run().then(tell, (error) => tell({failed: error.name}));
</script>
"""


class Page(http.server.BaseHTTPRequestHandler):
    """Serves one page, whatever is asked for, and takes what the page tells."""

    text = ""
    told: "queue.SimpleQueue[Any]"

    def do_GET(self) -> None:
        body = self.text.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        said = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()
        self.told.put(json.loads(said))

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextmanager
def other_origin() -> Iterator[tuple[str, type[Page]]]:
    """A web server on a port of its own, which is another origin."""
    page = type("OnePage", (Page,), {"told": queue.SimpleQueue()})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), page) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}", page
        server.shutdown()


@contextmanager
def gateway_for(folder: Path, origins: str) -> Iterator[tuple[Gateway, str]]:
    """A gateway that lets these origins in, and a key."""
    folder.mkdir(exist_ok=True)
    with serving(folder, settings={"CORS_ALLOW_ORIGINS": origins}) as gateway:
        key = run(gateway.environment, "keys", "create", "--project", "web").strip()
        # Until the key is known, this machine itself needs none.
        assert within(10.0, lambda: ask(gateway.url, "/v1/models").status == 401)
        yield gateway, key


@pytest.mark.parametrize("let_in", [True, False])
def test_a_page_of_another_origin(tmp_path: Path, *, let_in: bool) -> None:
    """Chromium lets it stream with fetch, read errors and our headers; or nothing at all."""
    with other_origin() as (origin, page):
        allowed = origin if let_in else "https://somebody-else.test"
        with gateway_for(tmp_path / "gateway", allowed) as (gateway, key):
            page.text = SCRIPT.replace("GATEWAY", gateway.url).replace("KEY", key)
            with opened(origin, tmp_path):
                told = page.told.get(timeout=LIMIT_S)
    if not let_in:
        assert told == {"failed": "TypeError"}
        return
    assert told.pop("id").startswith("req_")
    assert told == {
        "status": 200,
        "words": "hello from a page",
        "done": True,
        "model": "echo",
        "refused": 401,
        "code": "invalid_api_key",
        "admin": "closed",
    }


def test_without_the_setting_nothing_is_said(gateway: Gateway) -> None:
    """Not one header more, and a preflight is a method that is not known here."""
    sent = {"origin": "https://a.test", "access-control-request-method": "POST"}
    answer = ask(gateway.url, "/v1/chat/completions", method="OPTIONS", headers=sent)
    assert answer.status == 405
    assert [name for name in answer.headers if name.startswith("access-control")] == []


def test_every_kind_of_answer_says_who_may_read_it(tmp_path: Path) -> None:
    """Models, errors, health; and the words of a cache in between."""
    with gateway_for(tmp_path / "gateway", "https://a.test") as (gateway, key):
        for path, status in (("/v1/models", 200), ("/v1/nothing", 404), ("/health", 200)):
            sent = {"origin": "https://a.test", "authorization": f"Bearer {key}"}
            answer = ask(gateway.url, path, headers=sent)
            assert (answer.status, answer.headers["access-control-allow-origin"]) == (
                status,
                "https://a.test",
            )
            assert answer.headers["vary"] == "Origin"
        foreign = ask(gateway.url, "/health", headers={"origin": "https://b.test"})
        assert "access-control-allow-origin" not in foreign.headers
        refused = ask(
            gateway.url,
            "/v1/models",
            method="OPTIONS",
            headers={"origin": "https://b.test", "access-control-request-method": "GET"},
        )
        assert (refused.status, refused.error["code"]) == (403, "origin_not_allowed")
