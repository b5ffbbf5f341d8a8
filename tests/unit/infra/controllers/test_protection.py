"""Headers that protect those who look at the control plane's answers in a browser."""

from llmproxy.infra.controllers.asgi import pair
from llmproxy.infra.controllers.protection import protected


def test_an_answer_is_protected() -> None:
    """No sniffing, no frame, no referrer; over TLS the browser stays there."""
    plain = dict(protected([], {"path": "/health", "scheme": "http"}))
    assert plain[b"x-content-type-options"] == b"nosniff"
    assert plain[b"referrer-policy"] == b"no-referrer"
    assert b"frame-ancestors 'none'" in plain[b"content-security-policy"]
    assert b"strict-transport-security" not in plain
    assert b"cache-control" not in plain
    secure = dict(protected([], {"path": "/health", "scheme": "https"}))
    assert b"max-age=" in secure[b"strict-transport-security"]


def test_administration_is_kept_by_no_cache() -> None:
    """Keys are shown once; a path that only begins alike is another one."""
    assert dict(protected([], {"path": "/admin/keys"}))[b"cache-control"] == b"no-store"
    assert b"cache-control" not in dict(protected([], {"path": "/administer"}))


def test_what_an_answer_says_itself_stays() -> None:
    """The page of the docs has a policy of its own."""
    own = (b"content-security-policy", b"default-src 'self'")
    found = protected([own], {"path": "/docs"})
    assert [value for name, value in found if name == own[0]] == [own[1]]


def test_lines_become_pairs() -> None:
    """As ASGI has them."""
    assert pair(b"vary: Origin") == (b"vary", b"Origin")
