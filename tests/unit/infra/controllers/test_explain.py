"""`POST /admin/explain` without its server: what is asked, as whom, and what is answered."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from llmproxy.application.interfaces.document_repository import StoredDocument
from llmproxy.application.interfaces.rendering import Rendered
from llmproxy.application.response_ids import ResponseDirectory, ResponseIds
from llmproxy.application.snapshot import Snapshot
from llmproxy.application.use_cases.explain import MAX_CANDIDATES, Explain
from llmproxy.domain.caller import Caller
from llmproxy.domain.errors import GatewayError, InvalidRequest, TooLarge, UnknownItem
from llmproxy.domain.project import parse_project
from llmproxy.infra.controllers.admin.explain import (
    AROUND_BYTES,
    MAX_ASKED_BYTES,
    ROWS,
    Explainer,
)
from llmproxy.infra.controllers.errors import envelope
from llmproxy.infra.controllers.openai.chat_request import chat_request
from llmproxy.infra.schemas.explain import ExplainRequest, Explanation
from llmproxy.infra.secrets.signing import KEY_BYTES, Signer
from tests.fakes.clock import FakeClock
from tests.fakes.gateway import FakeRooms
from tests.fakes.upstream import FakeProvider, deployment

pytestmark = pytest.mark.asyncio
ADMIN = Caller("key_admin", None, None, admin=True, expires_at=None)
MAX_BYTES = 10_000
BODY = {"model": "mini", "messages": [{"role": "user", "content": "hi"}]}


class World:
    """A registry with a public and a private model, with keys, and what explains it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.provider = FakeProvider(self.clock)
        rooms = FakeRooms(self.clock)
        self.registry = rooms.registry
        private = {"id": "secret", "code": "secret", "private": True, "projects": ["alpha"]}
        keys = [
            Caller("key_alpha", "alpha", None, admin=False, expires_at=None),
            Caller("key_narrow", "alpha", frozenset({"mini"}), admin=False, expires_at=None),
            Caller("key_old", "alpha", None, admin=False, expires_at=self.clock.now() - 1),
            Caller("key_away", "away", None, admin=False, expires_at=None, suspended=True),
            ADMIN,
        ]
        rooms.registry.install(
            Snapshot(
                (deployment(self.provider), deployment(self.provider, **private)),
                {key.key_id.encode(): key for key in keys},
                documents={"bad": StoredDocument("bad", {"id": "bad", "code": "mini"}, "1", 0.0)},
                problems={"bad": "name: is required", "file.json": "no JSON"},
                projects={"away": parse_project({"id": "away", "suspended": True})},
            )
        )
        self.explainer = Explainer(
            rooms.registry,
            Explain(rooms.registry, rooms.limiter, rooms.fleet),
            ResponseDirectory(rooms.registry, ResponseIds(Signer(b"k" * KEY_BYTES))),
            self.clock,
            max_body_bytes=MAX_BYTES,
        )

    async def ask(self, raw: bytes) -> bytes:
        """Explain; the answer is as it is described."""
        answer = await self.explainer(raw, ADMIN)
        Explanation.model_validate_json(answer)
        return answer

    async def of(self, body: object = BODY, **more: object) -> dict[str, Any]:
        """Explain a request; what is asked is as it is described."""
        asked = json.dumps({"body": body, **more})
        ExplainRequest.model_validate_json(asked)
        answer: dict[str, Any] = json.loads(await self.ask(asked.encode()))
        return answer


@pytest.fixture(name="world")
def _world() -> World:
    return World()


def error_of(error: GatewayError) -> Mapping[str, Any]:
    """The inside of an envelope."""
    inside: Mapping[str, Any] = envelope(error)["error"]
    return inside


async def test_an_answer(world: World) -> None:
    """Everything that is told of a call that would be served."""
    world.provider.shown = Rendered(
        "POST", "http://up/v1", [("host", "up")], b'{"a": 1e400}', ("model",), ("user",), (b"[2]",)
    )
    answer = await world.ask(json.dumps({"body": BODY}).encode())
    assert b'"body":{"a": 1e400}' in answer
    said = json.loads(answer)
    [candidate] = said.pop("candidates")
    size = len(json.dumps(BODY))
    assert said == {
        "object": "explanation",
        "endpoint": "/v1/chat/completions",
        "operation": "ChatCompletion",
        "caller": {"key_id": "key_admin", "project": None, "models": None, "admin": True},
        "model": "mini",
        "stream": False,
        "served_by": "gpt-mini",
        "refused": None,
        "left_out": [],
        "stand_ins": [],
        "tokens": {
            "prompt_at_most": size,
            "output_at_most": 16_384,
            "prompt_likely": -(-size // 4),
            "output_likely": 512,
        },
        "reservation": {
            "tokens": size + 16_384,
            "cost": {
                "currency": "USD",
                "nano": size * 1_000 + 16_384 * 2_000,
                "amount": f"0.0{(size * 1_000 + 16_384 * 2_000):08d}".rstrip("0"),
            },
        },
        "limits": [],
        "warnings": ["The document bad cannot be used: name: is required"],
    }
    assert candidate["request"] == {
        "method": "POST",
        "url": "http://up/v1",
        "headers": [["host", "up"]],
        "body": {"a": float("inf")},
        "body_base64": None,
        "body_bytes": 12,
        "further": [[2]],
    }
    assert (candidate["turn"], candidate["deployment"]) == (1, "gpt-mini")
    assert (candidate["changed"], candidate["dropped"]) == (["model"], ["user"])
    assert world.provider.calls == []


async def test_candidates_are_not_without_number(world: World) -> None:
    """How many more there are is said."""
    many = [deployment(world.provider, id=f"gpt-{number}") for number in range(20)]
    world.registry.install(Snapshot(tuple(many)))
    answer = await world.of()
    assert len(answer["candidates"]) == MAX_CANDIDATES
    assert answer["warnings"] == ["4 more deployments would be tried after these."]


async def test_a_body_that_is_not_json_is_told_in_base64(world: World) -> None:
    """A provider may want other bytes."""
    world.provider.shown = Rendered("POST", "http://up", [], b"\x00\xff")
    [candidate] = (await world.of())["candidates"]
    assert candidate["request"]["body"] is None
    assert candidate["request"]["body_base64"] == "AP8="


@pytest.mark.parametrize(
    "body",
    [
        {"model": "mini"},
        {"model": "mini", "messages": []},
        {"model": "mini", "messages": [{"role": "user"}], "temperature": 7},
        [],
        "text",
        None,
    ],
)
async def test_a_bad_body_is_refused_as_by_the_desk(world: World, body: object) -> None:
    """The very error that the caller would get."""
    with pytest.raises(InvalidRequest) as raised:
        chat_request(json.dumps(body).encode())
    answer = await world.of(body)
    assert answer["refused"] == {"by": "body", "status": 400, "error": error_of(raised.value)}
    assert (answer["model"], answer["candidates"], answer["served_by"]) == (None, [], None)


async def test_a_body_that_is_too_large(world: World) -> None:
    """What is asked here may be larger than what callers may send."""
    assert world.explainer.max_bytes == MAX_ASKED_BYTES + AROUND_BYTES
    answer = await world.of(BODY | {"user": "x" * MAX_BYTES})
    error = TooLarge(
        f"The request body is larger than {MAX_BYTES} bytes.",
        hint="Send less, or raise MAX_BODY_BYTES.",
    )
    assert answer["refused"] == {"by": "body", "status": 413, "error": error_of(error)}


async def test_a_request_that_names_no_model(world: World) -> None:
    """Where OpenAI has a default there must be one model to choose."""
    answer = await world.of({"input": "x"}, endpoint="/v1/moderations")
    assert answer["refused"]["error"]["code"] == "missing_required_parameter"


async def test_a_previous_response_that_nobody_knows(world: World) -> None:
    """It is refused before any model is."""
    body = {"model": "mini", "input": "x", "previous_response_id": "resp_1"}
    answer = await world.of(body, endpoint="/v1/responses")
    assert answer["refused"]["error"]["code"] == "previous_response_not_found"


@pytest.mark.parametrize(
    ("who", "served"),
    [
        ({"key_id": "key_alpha"}, "secret"),
        ({"project": "alpha"}, "secret"),
        ({"project": "alpha", "models": ["secret"]}, "secret"),
        (None, None),
        ({"key_id": "key_narrow"}, None),
        ({"project": "alpha", "models": ["mini"]}, None),
        ({"project": "beta"}, None),
    ],
)
async def test_as_whom(world: World, who: object, served: str | None) -> None:
    """A private model is there for its project; for all others it is an unknown one."""
    for _ in range(2):  # what one project sees is not remembered for another
        answer = await world.of(BODY | {"model": "secret"}, **{"as": who})
        assert answer["served_by"] == served
        if served is None:
            assert answer["refused"]["status"] == 404
            assert [each["code"] for each in answer["left_out"]] == ["not_visible"]
        await world.of(BODY | {"model": "secret"}, **{"as": {"project": "alpha"}})


@pytest.mark.parametrize(("who", "status"), [("key_old", 401), ("key_away", 403), ("project", 403)])
async def test_a_key_that_is_not_let_in(world: World, who: str, status: int) -> None:
    """The rest is explained all the same."""
    named = {"project": "away"} if who == "project" else {"key_id": who}
    answer = await world.of(**{"as": named})
    assert (answer["refused"]["by"], answer["refused"]["status"]) == ("key", status)
    assert answer["served_by"] is None
    assert len(answer["candidates"]) == 1


async def test_a_key_that_nobody_has(world: World) -> None:
    """There is nothing to explain."""
    with pytest.raises(UnknownItem) as raised:
        await world.of(**{"as": {"key_id": "key_none"}})
    assert raised.value.param == "as.key_id"


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (b"{", None),
        (b"{}", "body"),
        (b'{"body": {}, "boddy": 1}', "boddy"),
        (b'{"body": {}, "body": {}}', "body"),
        (b'{"body": {}, "endpoint": "/v1/files"}', "endpoint"),
        (b'{"body": {}, "endpoint": "/v1/audio/transcriptions"}', "endpoint"),
        (b'{"body": {}, "endpoint": 7}', "endpoint"),
        (b'{"body": {}, "as": {}}', "as"),
        (b'{"body": {}, "as": []}', "as"),
        (b'{"body": {}, "as": {"key_id": 1}}', "as"),
        (b'{"body": {}, "as": {"key_id": "k", "project": "p"}}', "as"),
        (b'{"body": {}, "as": {"key_id": "k", "models": ["m"]}}', "as"),
        (b'{"body": {}, "as": {"project": "p", "models": []}}', "as"),
        (b'{"body": {}, "as": {"project": " "}}', "as"),
        (b'{"body": {}, "as": {"user": "p"}}', "as"),
    ],
)
async def test_what_cannot_be_explained(world: World, raw: bytes, param: str | None) -> None:
    """A field that does not fit is named."""
    with pytest.raises(InvalidRequest) as raised:
        await world.ask(raw)
    assert raised.value.param == param


async def test_every_operation_with_a_json_body_can_be_explained(world: World) -> None:
    """With what its desk says of an empty body at least."""
    assert "/v1/embeddings" in ROWS
    for path in ROWS:
        answer = await world.of({}, endpoint=path)
        assert answer["endpoint"] == path
        assert answer["refused"]["by"] == "body"
