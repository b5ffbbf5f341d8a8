"""A server for one shape of models, the providers behind it, and what is seen of one call."""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai

from tests.api.asking import within
from tests.api.circles import no_circles, watched
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.api.matrix.fates import Shape
from tests.api.matrix.table import CONNECT_S, FIRST_TOKEN_S, IDLE_S, ROWS, TOTAL_S, Row, slug
from tests.simulators.faults import FaultKind
from tests.simulators.openai import OpenAISimulator
from tests.simulators.recording import RecordedRequest
from tests.simulators.runner import running, tls_context
from tests.simulators.tls import self_signed

COUNT = 30
ANSWER = " ".join(str(number) for number in range(1, COUNT + 1))
MESSAGES: list[Any] = [{"role": "user", "content": f"count to {COUNT}"}]
SPARE = "spare"
SNAPSHOT = "gpt-4o-mini-2024-07-18"
CLIENT_S = 30.0
"""The client's own patience, beyond all limits of the server."""
PATIENCE_S = 30.0
SETTINGS = SECRETS | {
    "CONNECT_TIMEOUT_S": str(CONNECT_S),
    "FIRST_BYTE_TIMEOUT_S": str(FIRST_TOKEN_S),
    "IDLE_TIMEOUT_S": str(IDLE_S),
    "TOTAL_TIMEOUT_S": str(TOTAL_S),
}
PATIENT = {"first_token_s": CLIENT_S, "between_tokens_s": CLIENT_S, "total_s": CLIENT_S}
NO_SUCH_HOST = "http://provider.invalid/v1"
"""A name that never resolves (RFC 6761, section 6.4)."""
MODES = [(row, stream) for row in ROWS for stream in (False, True)]
CELLS = [(row, stream) for row, stream in MODES if (row.stream if stream else row.plain)]


@dataclass(slots=True)
class Seen:
    """One call as its client saw it. `text` is what was said, up to the error if there is one."""

    status: int
    headers: Mapping[str, str]
    seconds: float = 0.0
    text: str = ""
    error: Mapping[str, Any] | None = None
    raised: type[Exception] | None = None
    at_sound: int = 0
    """Requests at the provider without a fault."""

    @property
    def code(self) -> str | None:
        """The word of the error."""
        return None if self.error is None else self.error.get("code")


@dataclass(frozen=True, slots=True)
class Providers:
    """`faulty` has the faults, `abrupt` those after which no connection is kept, `sound` none.

    A request on a kept connection that dies before one byte of an answer is sent once more, which
    would be counted here: so that provider is asked on fresh connections only.
    """

    faulty: OpenAISimulator
    abrupt: OpenAISimulator
    sound: OpenAISimulator
    secure: OpenAISimulator
    """Its certificate is nobody's."""

    def of(self, row: Row) -> str:
        """The endpoint of the deployment with this fault."""
        if row.away == "refused":
            return "http://127.0.0.1:1/v1"
        if row.away is not None:
            return NO_SUCH_HOST if row.away == "dns" else self.secure.base_url
        return (self.abrupt if _abrupt(row) else self.faulty).base_url

    def requests(self, code: str) -> list[RecordedRequest]:
        """What arrived for a model with a fault."""
        both = (*self.faulty.requests, *self.abrupt.requests, *self.secure.requests)
        return [record for record in both if record.json["model"] == code]


@dataclass(slots=True)
class Stage:
    """The server whose models have this shape."""

    shape: Shape
    gateway: Gateway
    providers: Providers
    client: openai.OpenAI
    _seen: dict[str, Seen] = field(default_factory=dict)

    def seen(self, model: str, *, stream: bool) -> Seen:
        """Ask a model through the official SDK, once."""
        if model not in self._seen:
            sound = self.providers.sound.requests
            before, began = len(sound), time.perf_counter()
            seen = self._seen[model] = self._asked(model, stream=stream)
            seen.seconds = time.perf_counter() - began
            seen.at_sound = len(sound) - before
        return self._seen[model]

    def _asked(self, model: str, *, stream: bool) -> Seen:
        try:
            raw = self.client.chat.completions.with_raw_response.create(
                model=model, messages=MESSAGES, stream=stream
            )
        except openai.APIStatusError as error:
            answer = error.response
            whole = json.loads(answer.content)
            assert list(whole) == ["error"]
            return Seen(
                answer.status_code,
                dict(answer.headers),
                error=whole["error"],
                raised=type(error),
            )
        seen = Seen(raw.status_code, dict(raw.headers))
        answer = raw.parse()
        if not stream:
            seen.text = answer.choices[0].message.content
            return seen
        try:
            for chunk in answer:
                seen.text += "".join(each.delta.content or "" for each in chunk.choices)
        except openai.APIError as error:
            seen.error, seen.raised = error.body, type(error)
        return seen

    def row(self, request_id: str) -> dict[str, Any]:
        """The only row of a call in the ledger; waits for it."""
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self._rows(request_id)
            return bool(found)

        assert within(PATIENCE_S, there), f"no row of {request_id}"
        [row] = found
        return row | {"attempts": json.loads(row["attempts"])}

    def _rows(self, request_id: str) -> list[dict[str, Any]]:
        store = Path(self.gateway.environment["LLMPROXY_DATA_DIR"], "llmproxy.sqlite3")
        with closing(sqlite3.connect(store)) as connection:
            connection.row_factory = sqlite3.Row
            asked = "SELECT * FROM usage WHERE request_id = ?"
            return [dict(row) for row in connection.execute(asked, (request_id,))]


def _abrupt(row: Row) -> bool:
    return row.kind in {FaultKind.RESET_BEFORE_HEADERS, FaultKind.CLOSE_BEFORE_HEADERS}


def _documents(shape: Shape, providers: Providers) -> list[dict[str, Any]]:
    """One model for each cell, so that what is held against one provider touches no other cell."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY"}
    sound = {**account, "endpoint": providers.sound.base_url, "model": "gpt-4o-mini"}
    documents = [document(SPARE, "OpenAI", "OpenAI", **sound)]
    for row, stream in CELLS:
        code = slug(row, stream=stream)
        faulty = {**account, "endpoint": providers.of(row), "model": code}
        first = document(code, "OpenAI", "OpenAI", **faulty) | {
            "id": f"{code}.1",
            "priority": 0,
            "routing": {},
        }
        if row.patient:
            first["timeouts"] = PATIENT
        if shape is Shape.FALLBACK:
            first["fallbacks"] = [SPARE]
        documents.append(first)
        if shape is Shape.TWO:
            second = document(code, "OpenAI", "OpenAI", **sound)
            documents.append(second | {"id": f"{code}.2", "priority": 1, "routing": {}})
    return documents


def _plan_faults(providers: Providers) -> None:
    for row, stream in CELLS:
        if row.away is None:
            simulator = providers.abrupt if _abrupt(row) else providers.faulty
            fault = row.fault(stream=stream)
            simulator.fail_next(times=None, model=slug(row, stream=stream), **fault)


@contextmanager
def providing(folder: Path) -> Iterator[Providers]:
    """The providers, their faults planned."""
    models = {slug(row, stream=stream): SNAPSHOT for row, stream in CELLS}
    tls = tls_context(*self_signed(folder))
    with ExitStack() as stack:
        providers = Providers(
            stack.enter_context(running(OpenAISimulator(models=models))),
            stack.enter_context(running(OpenAISimulator(models=models))),
            stack.enter_context(running(OpenAISimulator())),
            stack.enter_context(running(OpenAISimulator(models=models, tls=tls))),
        )
        _plan_faults(providers)
        yield providers


@contextmanager
def staged(shape: Shape, folder: Path) -> Iterator[Stage]:
    """A server with a model for each cell."""
    with providing(folder) as providers, ExitStack() as stack:
        documents = _documents(shape, providers)
        gateway = stack.enter_context(serving(folder, documents, SETTINGS | watched(folder)))
        stack.enter_context(no_circles(gateway))
        client = stack.enter_context(
            openai.OpenAI(
                base_url=gateway.base_url, api_key="sk-none", max_retries=0, timeout=CLIENT_S
            )
        )
        yield Stage(shape, gateway, providers, client)
