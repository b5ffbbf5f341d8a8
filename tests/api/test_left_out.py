"""Every path of OpenAI's API is served here, or says clearly that it is left out."""

import json
from pathlib import Path

import openai
import pytest

from tests.api.asking import ask
from tests.api.gateway import Gateway

PATHS: dict[str, list[str]] = json.loads(
    (Path(__file__).parents[1] / "recorded/openai_paths.json").read_text("utf-8")
)["paths"]
SERVED = {
    "/audio/speech", "/audio/transcriptions", "/audio/translations", "/completions", "/embeddings",
    "/images/edits", "/images/generations", "/images/variations", "/moderations", "/models",
    "/models/{model}", "/realtime/client_secrets", "/responses", "/responses/compact",
    "/responses/input_tokens", "/responses/{response_id}", "/responses/{response_id}/cancel",
    "/responses/{response_id}/input_items",
}  # fmt: skip
OWN = ("/chat/completions", "POST")
LEFT_OUT = [
    (path, method)
    for path, methods in PATHS.items()
    for method in methods
    if path not in SERVED and (path, method) != OWN
]


@pytest.mark.parametrize(("path", "method"), LEFT_OUT, ids=lambda each: each)
def test_a_path_that_is_left_out(gateway: Gateway, path: str, method: str) -> None:
    """It is not unknown: 501 in OpenAI's envelope, with what to use, and no retry."""
    place = "/v1" + path.replace("{", "").replace("}", "")
    answer = ask(gateway.url, place, method=method, body={} if method == "POST" else None)

    assert (answer.status, answer.error["code"]) == (501, "unsupported_endpoint")
    assert answer.error["type"] == "invalid_request_error"
    assert f"({method} {place})" in answer.error["message"]
    assert answer.error["message"].count(". ") >= 1, "what is said first and what to do"
    assert answer.headers["x-should-retry"] == "false"


def test_the_list_is_whole() -> None:
    """What is served is in OpenAI's API, and the larger part of it is not."""
    assert set(PATHS) > SERVED
    assert len(LEFT_OUT) > 100


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [
        ("/v1/filesystem", "GET", 404),
        ("/v1/chat/completions", "DELETE", 405),
        ("/files", "GET", 404),
    ],
)
def test_other_paths(gateway: Gateway, path: str, method: str, status: int) -> None:
    """What OpenAI does not serve either stays unknown."""
    assert ask(gateway.url, path, method=method).status == status


def test_the_sdk_is_told_once(client: openai.OpenAI) -> None:
    """The SDK raises with the code and does not try again."""
    retrying = client.with_options(max_retries=2)
    with pytest.raises(openai.InternalServerError) as refused:
        retrying.files.list()
    assert (refused.value.status_code, refused.value.code) == (501, "unsupported_endpoint")
    assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.retrieve("chatcmpl-1")
    assert "Keep the answers" in refused.value.message
