"""Every route of the server, asked with every kind of key."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from tests.api.admin.administrator import ADMIN_KEY, TAKES_EFFECT_S, Administrator
from tests.api.admin.rows import COLUMNS, EXAMPLES, ROUTES, ROWS, Row
from tests.api.asking import TIMEOUT_S, Answer, bearer, within
from tests.api.conftest import Upstreams
from tests.api.documents import SECRETS, document
from tests.api.gateway import serving

LIVES_S = 6.0
BOUNDARY = "b0undary"
SOCKET = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
    "sec-websocket-version": "13",
}


@dataclass(frozen=True, slots=True)
class Callers:
    """A server, and a key for each column."""

    admin: Administrator
    keys: Mapping[str, str | None]

    def response_id(self) -> str:
        """Make a response that belongs to the project `alpha`."""
        maker = self.admin.with_key(self.keys["project"])
        made = maker.done("POST", "/v1/responses", {"model": "hidden", "input": "x"})
        response_id: str = made["id"]
        return response_id


@pytest.fixture(scope="module", name="callers")
def _callers(
    all_upstreams: Upstreams, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callers]:
    account = {
        "secret_name": "OPENAI_SIMULATOR_KEY",
        "endpoint": all_upstreams.openai.base_url,
        "model": "gpt-4o-mini",
    }
    hidden = document("hidden", "OpenAI", "OpenAI", **account) | {"operations": ["Responses"]}
    documents = [
        document("open", "Local", "Echo"),
        hidden | {"private": True, "projects": ["alpha"]},
    ]
    settings = SECRETS | {"LLMPROXY_ADMIN_KEY": ADMIN_KEY}
    with serving(tmp_path_factory.mktemp("matrix"), documents, settings) as gateway:
        admin = Administrator(gateway)
        yield Callers(admin, _keys(admin))


def _keys(admin: Administrator) -> dict[str, str | None]:
    """Make the keys; those that are shut were open before: the shutting is what is tested."""
    revoked_id, revoked = admin.new_key(project="alpha")
    _, other = admin.new_key(project="beta")
    _, own = admin.new_key(project="alpha")
    _, expired = admin.new_key(project="alpha", expires_at=time.time() + LIVES_S)
    for key in (revoked, other, own, expired):
        assert within(TAKES_EFFECT_S, lambda key=key: admin.status(key) == 200)
    admin.done("DELETE", f"/admin/keys/{revoked_id}")
    for key in (revoked, expired):
        assert within(TAKES_EFFECT_S + LIVES_S, lambda key=key: admin.status(key) == 401)
    wrong = "sk-llmproxy-" + "A" * 43
    keys = (None, wrong, expired, revoked, other, own, ADMIN_KEY)
    return dict(zip(COLUMNS, keys, strict=True))


def _sent(row: Row) -> tuple[bytes | None, dict[str, str]]:
    if row.kind == "socket":
        return None, SOCKET
    if row.kind == "json":
        return json.dumps(row.body).encode(), {"content-type": "application/json"}
    assert isinstance(row.body, dict)
    parts = []
    for name, value in row.body.items():
        file = f'; filename="{name}.bin"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="{name}"{file}\r\n\r\n'
        parts.append(head.encode() + (value if isinstance(value, bytes) else value.encode()))
    whole = b"\r\n".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    return whole, {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}


def _ask(admin: Administrator, row: Row, path: str, key: str | None) -> Answer:
    body, headers = _sent(row)
    if row.body is None:
        body = None
    if key is not None:
        headers = headers | bearer(key)
    host = admin.gateway.url.removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=TIMEOUT_S)
    try:
        connection.request(row.method, path, body, headers)
        answer = connection.getresponse()
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, answer.read())
    finally:
        connection.close()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method} {row.path}")
def test_every_cell(callers: Callers, row: Row) -> None:
    """Each key gets what the table says, in OpenAI's envelope where it is an error."""
    names = dict(EXAMPLES)
    if "{response_id}" in row.path:
        names["response_id"] = callers.response_id()
    path = row.path.format(**names) + ("?model=hidden" if row.kind == "socket" else "")
    found = {}
    for column in COLUMNS:
        answer = _ask(callers.admin, row, path, callers.keys[column])
        code = answer.error["code"] if answer.status >= 400 else None
        found[column] = (answer.status, code)
    assert found == dict(zip(COLUMNS, row.outcomes, strict=True))


def test_unknown_and_invisible_are_told_in_the_same_words(callers: Callers) -> None:
    """Of models, and of responses: the id aside, nothing differs."""
    other = callers.admin.with_key(callers.keys["other_project"])
    response_id = callers.response_id()
    pairs = [
        ("GET", "/v1/models/{}", "hidden", "nobody"),
        ("GET", "/v1/responses/{}", response_id, "resp_" + "0" * (len(response_id) - 5)),
    ]
    for method, path, real, invented in pairs:
        answers = [other.ask(method, path.format(each)) for each in (real, invented)]
        texts = [
            answer.body.replace(each.encode(), b"ID")
            for answer, each in zip(answers, (real, invented), strict=True)
        ]
        assert answers[0].status == answers[1].status == 404
        assert texts[0] == texts[1]


def test_no_route_is_without_a_row(callers: Callers) -> None:
    """A route that the OpenAPI document names and the table does not fails here."""
    described = {
        (method.upper(), path)
        for path, item in callers.admin.done("GET", "/openapi.json")["paths"].items()
        for method in item
        if method in {"get", "put", "post", "patch", "delete", "head", "options"}
    }
    assert described <= {(row.method, row.path) for row in ROUTES}


def test_health_tells_only_administrators_what_is_wrong(callers: Callers) -> None:
    """The public learns whether, not what."""
    for column in COLUMNS:
        answer = callers.admin.with_key(callers.keys[column]).ask("GET", "/health/ready")
        assert ("place" in answer.body.decode()) == (column == "admin")
