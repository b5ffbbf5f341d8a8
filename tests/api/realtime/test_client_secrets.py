"""`/v1/realtime/client_secrets`: what is handed to browsers, and what it opens."""

import base64
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.api.conftest import Upstreams
from tests.api.documents import SECRETS
from tests.api.gateway import Gateway, run, serving
from tests.api.raw import Answer, connected, exchange, post
from tests.api.realtime.conftest import realtime_documents
from tests.api.realtime.raw_socket import handshake, refused, talking

SESSION = {
    "type": "realtime",
    "model": "talker",
    "instructions": "Be brief. Olá!",
    "output_modalities": ["text"],
}


@pytest.fixture(scope="module", name="keyed_folder")
def _keyed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keyed")


@pytest.fixture(scope="module", name="keyed_server")
def _keyed_server(all_upstreams: Upstreams, keyed_folder: Path) -> Iterator[Gateway]:
    with serving(keyed_folder, realtime_documents(all_upstreams), SECRETS) as gateway:
        run(gateway.environment, "keys", "create", "--project", "first")
        until = time.monotonic() + 10
        while _ask(gateway, "no key", {}).status != 401:
            assert time.monotonic() < until, "the gateway does not ask for keys"
            time.sleep(0.05)
        yield gateway


@pytest.fixture(name="keyed")
def _keyed(keyed_server: Gateway, upstreams: Upstreams) -> Iterator[Gateway]:
    assert upstreams.openai.requests == []
    yield keyed_server
    keyed_server.check()


@pytest.fixture(name="key")
def _key(keyed: Gateway) -> tuple[str, str]:
    """A new key and its id, known to the server."""
    key = run(keyed.environment, "keys", "create", "--project", "alpha").strip()
    until = time.monotonic() + 10
    while _ask(keyed, key, {}).status == 401:
        assert time.monotonic() < until, "the key is not known"
        time.sleep(0.05)
    listed = json.loads(run(keyed.environment, "keys", "list", "--json"))
    return key, next(each["id"] for each in listed if key.startswith(each["prefix"]))


def _ask(gateway: Gateway, key: str, body: dict[str, Any]) -> Answer:
    path = b"/v1/realtime/client_secrets"
    line = b"authorization: Bearer " + key.encode()
    return exchange(gateway.url, post(json.dumps(body).encode(), line, path=path))


def _browser(secret: str) -> bytes:
    return b"sec-websocket-protocol: realtime, openai-insecure-api-key." + secret.encode()


def test_the_sdk_makes_one(keyed: Gateway, key: tuple[str, str], upstreams: Upstreams) -> None:
    """The official client gets a secret, and a session with it begins as asked."""
    with openai.OpenAI(base_url=keyed.base_url, api_key=key[0], max_retries=0) as client:
        made = client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session=SESSION,  # type: ignore[arg-type]
        )
    assert made.value.startswith("ek_")
    assert abs(made.expires_at - time.time() - 60) < 30
    assert made.session.type == "realtime"
    assert made.session.id.startswith("sess_")
    assert (made.session.model, made.session.instructions) == ("talker", "Be brief. Olá!")
    assert key[0] not in made.value
    assert b"sk-simulator" not in base64.urlsafe_b64decode(made.value[3:] + "==")

    with (
        openai.OpenAI(base_url=keyed.base_url, api_key=made.value, max_retries=0) as browser,
        browser.realtime.connect(model="talker") as connection,
    ):
        first, second = connection.recv(), connection.recv()

    assert (first.type, second.type) == ("session.created", "session.updated")
    assert second.session.instructions == "Be brief. Olá!"  # type: ignore[union-attr]
    [record] = upstreams.openai.requests
    sent = json.loads(record.heard.messages[0])
    assert sent == {"type": "session.update", "session": SESSION | {"model": "gpt-realtime"}}


def test_a_browser_uses_it(keyed: Gateway, key: tuple[str, str], upstreams: Upstreams) -> None:
    """As a subprotocol, without a model in the URL; it never reaches the provider."""
    secret = json.loads(_ask(keyed, key[0], {"session": SESSION}).body)["value"]
    with talking(keyed.url, _browser(secret), path=b"/v1/realtime") as session:
        assert session.headers["sec-websocket-protocol"] == "realtime"
        assert session.event()["type"] == "session.created"

    [record] = upstreams.openai.requests
    assert secret not in str(record.headers)


def test_transcription(keyed: Gateway, key: tuple[str, str], upstreams: Upstreams) -> None:
    """A transcription session names its model within, and reaches the provider as one."""
    wanted = {"input": {"transcription": {"model": "talker"}}}
    asked = {"session": {"type": "transcription", "audio": wanted}}
    made = json.loads(_ask(keyed, key[0], asked).body)
    with talking(keyed.url, _browser(made["value"]), path=b"/v1/realtime") as session:
        assert session.event()["session"]["type"] == "transcription"
        updated = session.event()

    assert made["session"]["object"] == "realtime.transcription_session"
    assert updated["session"]["audio"]["input"]["transcription"]["model"] == "gpt-realtime"
    [record] = upstreams.openai.requests
    assert record.query == (("intent", "transcription"),)


def test_it_is_for_one_model_and_for_nothing_else(keyed: Gateway, key: tuple[str, str]) -> None:
    """Neither another model nor another operation is opened by it, nor a changed one."""
    secret = json.loads(_ask(keyed, key[0], {"session": SESSION}).body)["value"]
    other = refused(keyed.url, handshake(_browser(secret), path=b"/v1/realtime?model=azure"))
    assert (other.status, other.error["param"]) == (400, "model")
    assert _ask(keyed, secret, {"session": SESSION}).status == 401
    for wrong in (secret[:-2], "ek_" + secret[4:], "ek_"):
        answer = refused(keyed.url, handshake(_browser(wrong), path=b"/v1/realtime"))
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")


def _status(gateway: Gateway, secret: str) -> int:
    with connected(gateway.url) as wire:
        wire.send(handshake(_browser(secret), path=b"/v1/realtime"))
        return wire.head()[0]


def test_it_dies_with_its_key(keyed: Gateway, key: tuple[str, str]) -> None:
    """Once the key is revoked, its secrets open nothing."""
    secret = json.loads(_ask(keyed, key[0], {"session": SESSION}).body)["value"]
    run(keyed.environment, "keys", "revoke", key[1])
    until = time.monotonic() + 10
    while (status := _status(keyed, secret)) == 101:
        assert time.monotonic() < until, "the secret outlives its key"
        time.sleep(0.05)

    assert status == 401


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "session", "missing_required_parameter"),
        ({"session": "x"}, "session", "invalid_type"),
        ({"session": {"model": "talker"}}, "session.type", "missing_required_parameter"),
        ({"session": {"type": "x", "model": "talker"}}, "session.type", "invalid_value"),
        ({"session": {"type": "realtime"}}, "session.model", "missing_required_parameter"),
        ({"session": {"type": "realtime", "model": 5}}, "session.model", "invalid_type"),
        (
            {"session": {"type": "transcription", "audio": {}}},
            "session.audio.input.transcription.model",
            "missing_required_parameter",
        ),
        ({"session": SESSION | {"model": "nothing"}}, None, "model_not_found"),
        ({"session": SESSION | {"model": "chatty"}}, "model", "operation_not_supported"),
        ({"session": SESSION | {"instructions": "x" * 9000}}, "session", "string_above_max_length"),
        ({"session": SESSION, "color": 1}, "color", "unknown_parameter"),
        ({"session": SESSION, "expires_after": 5}, "expires_after", "invalid_type"),
        (
            {"session": SESSION, "expires_after": {"seconds": 9}},
            "expires_after.seconds",
            "integer_below_min_value",
        ),
        (
            {"session": SESSION, "expires_after": {"seconds": 7201}},
            "expires_after.seconds",
            "integer_above_max_value",
        ),
        (
            {"session": SESSION, "expires_after": {"anchor": "now"}},
            "expires_after.anchor",
            "invalid_value",
        ),
    ],
)
def test_bad_requests(gateway: Gateway, body: dict[str, Any], param: str | None, code: str) -> None:
    """A field that is wrong is named in OpenAI's words."""
    answer = _ask(gateway, "sk-none", body)

    assert answer.status in {400, 404}
    assert (answer.error["param"], answer.error["code"]) == (param, code)


def test_without_keys(gateway: Gateway) -> None:
    """While there are no keys a secret opens what its maker could: from this machine only."""
    secret = json.loads(_ask(gateway, "sk-none", {"session": SESSION}).body)["value"]
    with talking(gateway.url, _browser(secret), path=b"/v1/realtime") as session:
        assert session.event()["type"] == "session.created"
    request = handshake(_browser(secret), b"origin: https://example.com", path=b"/v1/realtime")
    assert refused(gateway.url, request).status == 401


@pytest.mark.parametrize(
    "path", ["calls", "sessions", "transcription_sessions", "calls/rtc_1/hangup"]
)
def test_what_is_not_offered(gateway: Gateway, path: str) -> None:
    """WebRTC, SIP and the retired endpoints are refused clearly."""
    request = post(b"{}", path=b"/v1/realtime/" + path.encode())
    answer = exchange(gateway.url, request)

    assert answer.status == 501
    assert "/v1/realtime" in answer.error["message"]
