"""CORS at the door: who is told what, and what is never opened."""

import re
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import pytest

from llmproxy.domain.errors import Forbidden
from llmproxy.infra.controllers.cross_origin import EXPOSED, CrossOrigin, OpenVisit, Rules, opened
from llmproxy.infra.controllers.visit import Visit

OURS = "https://app.example.com"
SOURCES = Path(__file__).parents[4] / "src/llmproxy"
METHODS = ("GET", "POST", "DELETE")
Sent = list[MutableMapping[str, Any]]


def rules(**changes: object) -> Rules:
    """Rules for one origin."""
    made = Rules(frozenset({OURS}), None, METHODS, credentials=False, max_age_s=600)
    return made._replace(**changes)  # type: ignore[arg-type]


async def asked(
    given: Rules,
    headers: Mapping[str, str],
    *,
    method: str = "POST",
    path: str = "/v1/chat/completions",
) -> tuple[bool, dict[str, str], Sent]:
    """What becomes of a request: whether it is answered, its further headers, what was sent."""
    sent: Sent = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    lines = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"method": method, "path": path, "headers": lines}
    pages = CrossOrigin(given)
    visit = opened(Visit)(scope, receive, send)
    done = await pages.answered(visit)
    assert isinstance(visit, OpenVisit)
    further = (line.decode().partition(": ") for line in visit.further)
    return done, {name: value for name, _, value in further}, sent


@pytest.mark.asyncio
async def test_a_request_of_our_page() -> None:
    """It is served, and the page may read the answer and our headers."""
    done, said, sent = await asked(rules(), {"origin": OURS})
    assert not done
    assert sent == []
    assert said["access-control-allow-origin"] == OURS
    assert said["vary"] == "Origin"
    assert "x-request-id" in said["access-control-expose-headers"].split(", ")
    assert "access-control-allow-credentials" not in said


@pytest.mark.asyncio
@pytest.mark.parametrize(
    "origin", ["https://app.example.com.evil.test", "http://app.example.com", "null", "*", ""]
)
async def test_a_request_of_another_page(origin: str) -> None:
    """It is served as any other program's; the browser keeps the answer from the page."""
    done, said, _ = await asked(rules(), {"origin": origin})
    assert not done
    assert said == {"vary": "Origin"}


@pytest.mark.asyncio
async def test_a_request_without_a_page() -> None:
    """Programs say no origin; a cache between must not give their answer to a page."""
    done, said, _ = await asked(rules(), {})
    assert (done, said) == (False, {"vary": "Origin"})


@pytest.mark.asyncio
async def test_a_preflight() -> None:
    """Answered without a key, with what the page asks for."""
    wanted = {
        "origin": OURS,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,x-stainless-lang",
    }
    done, said, sent = await asked(rules(), wanted, method="OPTIONS")
    assert done
    assert sent[0]["status"] == 204
    assert said["access-control-allow-methods"] == "GET, POST, DELETE"
    assert said["access-control-allow-headers"] == "authorization,x-stainless-lang"
    assert said["access-control-max-age"] == "600"
    assert (b"access-control-allow-origin", OURS.encode()) in sent[0]["headers"]


@pytest.mark.asyncio
async def test_a_preflight_of_another_page() -> None:
    """It is told so; nothing is opened by it."""
    wanted = {"origin": "https://evil.test", "access-control-request-method": "POST"}
    with pytest.raises(Forbidden) as refused:
        await asked(rules(), wanted, method="OPTIONS")
    assert refused.value.code == "origin_not_allowed"


@pytest.mark.asyncio
async def test_options_that_are_no_preflight() -> None:
    """Somebody asks what a path takes: that is answered where the path is served."""
    done, _, _ = await asked(rules(), {"origin": OURS}, method="OPTIONS")
    assert not done


@pytest.mark.asyncio
@pytest.mark.parametrize("path", ["/admin/keys", "/admin", "/metrics", "/docs", "/openapi.json"])
async def test_what_is_never_opened(path: str) -> None:
    """Administration and figures, whatever origins are let in."""
    wanted = {"origin": OURS, "access-control-request-method": "GET"}
    done, said, _ = await asked(rules(origins=None), wanted, method="OPTIONS", path=path)
    assert (done, said) == (False, {})


@pytest.mark.asyncio
async def test_all_origins_and_credentials() -> None:
    """A star is said as a star; credentials are said beside a named origin."""
    _, said, _ = await asked(rules(origins=None), {"origin": "https://any.test"})
    assert said["access-control-allow-origin"] == "*"
    assert "vary" not in said
    _, said, _ = await asked(rules(credentials=True), {"origin": OURS})
    assert said["access-control-allow-credentials"] == "true"


@pytest.mark.asyncio
@pytest.mark.parametrize(("wanted", "given"), [("a" * 9000, None), ("x-é", None), ("a,b", "a,b")])
async def test_headers_that_a_page_asks_for(wanted: str, given: str | None) -> None:
    """They are said back, within bounds."""
    asking = {"origin": OURS, "access-control-request-method": "POST"}
    asking["access-control-request-headers"] = wanted
    _, said, _ = await asked(rules(), asking, method="OPTIONS")
    assert said.get("access-control-allow-headers") == given


@pytest.mark.asyncio
async def test_headers_that_the_settings_name() -> None:
    """Only those, whatever is asked for."""
    asking = {"origin": OURS, "access-control-request-method": "POST"}
    asking["access-control-request-headers"] = "x-other"
    _, said, _ = await asked(rules(headers=("authorization",)), asking, method="OPTIONS")
    assert said["access-control-allow-headers"] == "authorization"


def test_a_visit_of_any_kind_is_opened() -> None:
    """What others add to visits stays."""

    class Counted(Visit):
        __slots__ = ("count",)

    kind = opened(Counted)
    assert issubclass(kind, Counted)
    assert issubclass(kind, OpenVisit)
    assert issubclass(opened(Visit), OpenVisit)


def test_every_header_of_ours_is_exposed() -> None:
    """What an answer says beside OpenAI's own words can be read by a page."""
    answered = re.compile(r'b"(x-llmproxy-[a-z-]+): ')
    said = {
        name for path in SOURCES.rglob("*.py") for name in answered.findall(path.read_text("utf-8"))
    }
    assert said
    assert said <= set(EXPOSED)
