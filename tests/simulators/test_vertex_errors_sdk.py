"""How the Vertex AI simulator refuses and fails, proven by google-genai and byte by byte."""

import json
from collections.abc import Iterator

import httpx
import pytest
from google import genai
from google.genai import errors, types

from tests.simulators.answer import Answer, RefusalError, json_answer
from tests.simulators.gemini.client import client_of, path_of
from tests.simulators.gemini.errors import error_in_stream
from tests.simulators.http import Request
from tests.simulators.runner import running
from tests.simulators.vertex import Route, VertexSimulator

FLASH = "gemini-2.5-flash"
HELLO = "hello there"
USER = {"role": "user", "parts": [{"text": HELLO}]}


@pytest.fixture(name="simulator")
def _simulator() -> Iterator[VertexSimulator]:
    with running(VertexSimulator()) as simulator:
        yield simulator


@pytest.fixture(name="client")
def _client(simulator: VertexSimulator) -> Iterator[genai.Client]:
    with client_of(simulator) as client:
        yield client


def _stream(simulator: VertexSimulator, query: str = "") -> httpx.Response:
    return httpx.post(
        f"{simulator.url}{path_of(FLASH, 'streamGenerateContent')}{query}",
        json={"contents": [USER]},
        headers={"authorization": "Bearer vertex-token"},
    )


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "INVALID_ARGUMENT", errors.ClientError),
        (401, "UNAUTHENTICATED", errors.ClientError),
        (403, "PERMISSION_DENIED", errors.ClientError),
        (404, "NOT_FOUND", errors.ClientError),
        (429, "RESOURCE_EXHAUSTED", errors.ClientError),
        (500, "INTERNAL", errors.ServerError),
        (503, "UNAVAILABLE", errors.ServerError),
        (504, "DEADLINE_EXCEEDED", errors.ServerError),
    ],
)
@pytest.mark.parametrize("in_array", [False, True])
def test_fails_as_google_does(
    client: genai.Client,
    simulator: VertexSimulator,
    status: int,
    name: str,
    kind: type[errors.APIError],
    in_array: bool,  # noqa: FBT001
) -> None:
    """A planned status is the SDK's error of that status, bare or in an array; 429 says when."""
    simulator.errors_in_array = in_array
    simulator.fail_next("status", status=status, model=FLASH)
    with pytest.raises(kind) as failed:
        client.models.generate_content(model=FLASH, contents=HELLO)

    assert (failed.value.code, failed.value.status) == (status, name)
    details = failed.value.details["error"].get("details", [])
    delays = [each["retryDelay"] for each in details if each["@type"].endswith("RetryInfo")]
    assert delays == (["5s"] if status == 429 else [])
    assert client.models.generate_content(model=FLASH, contents=HELLO).text


def test_wants_a_token(simulator: VertexSimulator) -> None:
    """A wrong token and none at all are 401, with the reason."""
    with client_of(simulator, "another") as client, pytest.raises(errors.ClientError) as wrong:
        client.models.generate_content(model=FLASH, contents=HELLO)
    none = httpx.post(f"{simulator.url}{path_of(FLASH, 'generateContent')}", json={})

    assert (wrong.value.code, wrong.value.status) == (401, "UNAUTHENTICATED")
    assert none.status_code == 401
    assert none.json()["error"]["details"][0]["reason"] == "CREDENTIALS_MISSING"


def test_knows_its_models(client: genai.Client) -> None:
    """An unknown model is 404; a method that a model has not is 400."""
    with pytest.raises(errors.ClientError) as unknown:
        client.models.generate_content(model="gemini-0", contents=HELLO)
    with pytest.raises(errors.ClientError) as other:
        client.models.generate_content(model="text-embedding-005", contents=HELLO)

    assert (unknown.value.code, unknown.value.status) == (404, "NOT_FOUND")
    assert "`projects/simulated/locations/us-central1/" in str(unknown.value.message)
    assert other.value.code == 400


@pytest.mark.parametrize("in_array", [False, True])
def test_breaks_off_a_stream(
    client: genai.Client,
    simulator: VertexSimulator,
    in_array: bool,  # noqa: FBT001
) -> None:
    """An error in the middle is JSON over several lines without `data:`, which the SDK raises."""
    body = error_in_stream(429, in_array=True) if in_array else None
    simulator.fail_next("error_frame", after_events=2, body=body)
    raw = _stream(simulator, "?alt=sse")

    assert raw.content.count(b"data: ") == 2
    tail = raw.content.rpartition(b"\r\n\r\n")[2]
    told = json.loads(tail)
    assert (told[0] if in_array else told)["error"]["code"] == (429 if in_array else 503)
    assert b"\n  " in tail
    if in_array:
        return  # google-genai 3.6.1 raises only on what begins with {"error":
    simulator.fail_next("error_frame", after_events=2)
    said = []
    with pytest.raises(errors.ServerError) as failed:
        said.extend(client.models.generate_content_stream(model=FLASH, contents=HELLO))
    assert failed.value.code == 503


def test_streams_lines_in_crlf(simulator: VertexSimulator) -> None:
    """Lines end in CRLF, nothing says [DONE]; without `alt=sse` the answer is one array."""
    sse = _stream(simulator, "?alt=sse")
    array = _stream(simulator)

    assert sse.headers["content-type"] == "text/event-stream"
    assert b"[DONE]" not in sse.content
    events = sse.content.split(b"\r\n\r\n")
    assert [event[:6] for event in events] == [b"data: "] * 5 + [b""]
    assert sse.content.count(b"\n") == sse.content.count(b"\r\n")
    assert array.json() == [json.loads(event[6:]) for event in events[:-1]]


class _Partner(Route):
    def answer(self, request: Request) -> Answer | None:
        if self.model_of(request) is None:
            return None
        return json_answer({"served": "by a partner"})

    def model_of(self, request: Request) -> str | None:
        return "llama" if request.path.endswith("/endpoints/openapi/chat/completions") else None

    def failure(self, status: int) -> RefusalError:
        return RefusalError(status, "", envelope={"failed": "in its own words"})


def test_serves_other_routes_beside() -> None:
    """Given routes are asked first and fail in their words; tuned models have endpoints."""
    where = "/v1/projects/simulated/locations/us-central1/endpoints/"
    with running(VertexSimulator(endpoints={"42": FLASH}, also=(_Partner(),))) as simulator:
        key = {"authorization": "Bearer vertex-token"}
        partner = f"{simulator.url}{where}openapi/chat/completions"
        simulator.fail_next("status", status=503, model="llama")
        failed = httpx.post(partner, json={}, headers=key)
        served = httpx.post(partner, json={}, headers=key)
        tuned = httpx.post(
            f"{simulator.url}{where}42:generateContent", json={"contents": [USER]}, headers=key
        )
        nowhere = httpx.post(f"{simulator.url}/v1/nothing", json={}, headers=key)

    assert (failed.status_code, failed.json()) == (503, {"failed": "in its own words"})
    assert served.json() == {"served": "by a partner"}
    assert nowhere.status_code == 404
    assert tuned.json()["modelVersion"] == "42"


def test_the_sdk_can_retry(simulator: VertexSimulator) -> None:
    """The SDK's own retries meet a model that has come back."""
    simulator.fail_next("status", status=503)
    again = types.HttpRetryOptions(attempts=2, initial_delay=0.01)
    with client_of(simulator, retry_options=again) as client:
        assert client.models.generate_content(model=FLASH, contents=HELLO).text
    assert [record.status for record in simulator.requests] == [503, 200]
