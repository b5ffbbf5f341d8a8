"""A server before simulated providers, its keys, and what its ledger and its limits say."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import openai

from tests.api.admin.administrator import ADMIN_KEY, TAKES_EFFECT_S, Administrator
from tests.api.asking import Answer, ask, bearer, within
from tests.api.documents import SECRETS, document
from tests.api.gateway import Gateway, serving
from tests.simulators.openai import OpenAISimulator

CHAT = "/v1/chat/completions"
CARRIED_S = 15.0
"""About a second is promised; a busy machine takes longer."""
TOKEN = Decimal("0.001")
"""What a token of an answer costs in `COUNTED`; one of a prompt costs nothing there, so that cost
and bound of a call are known without its bytes."""
COUNTED = {"currency": "USD", "cost_input_1Mtokens": 0, "cost_output_1Mtokens": 1000}
EVER = "since=0"


@dataclass(frozen=True, slots=True)
class Holder:
    """A key: its id, the key itself, and its project."""

    id: str
    key: str
    project: str


@dataclass(frozen=True)
class Stage:
    """The server, who administers it, the provider behind it, and keys by name."""

    gateway: Gateway
    upstream: OpenAISimulator
    keys: dict[str, Holder] = field(default_factory=dict)

    @property
    def admin(self) -> Administrator:
        """Who may do everything."""
        return Administrator(self.gateway)

    def hand_out(self, **rights: Mapping[str, object]) -> None:
        """Make a key for each name; its project is called as the name unless it is told.

        `project_limits` are those of the project. Returns when the server knows them all.
        """
        for name, given in rights.items():
            wanted = {"project": name, **given}
            if "project_limits" in wanted:
                limits = {"limits": wanted.pop("project_limits")}
                self.admin.done("PATCH", f"/admin/projects/{wanted['project']}", limits)
            key_id, key = self.admin.new_key(**wanted)
            self.keys[name] = Holder(key_id, key, str(wanted["project"]))
        for name, given in rights.items():
            kinds = {"key": "limits" in given, "project": "project_limits" in given}
            expected = {kind for kind, limited in kinds.items() if limited}
            assert within(
                TAKES_EFFECT_S, lambda name=name, expected=expected: self._knows(name, expected)
            ), f"{name} is not known yet"

    def _knows(self, name: str, kinds: set[str]) -> bool:
        answer = self.ask(name, "GET", "/v1/usage")
        if answer.status != 200:
            return False
        return kinds <= {each["scope"] for each in answer.json["limits"]}

    def ask(self, name: str, method: str, path: str, body: object = None) -> Answer:
        """Send one request with a key."""
        headers = bearer(self.keys[name].key)
        return ask(self.gateway.url, path, method=method, headers=headers, body=body)

    def chat(self, name: str, model: str, used: int = 4, most: int = 8, **more: object) -> Answer:
        """Chat: `used` tokens come back of at most `most`."""
        return self.ask(name, "POST", CHAT, counting(model, used, most, **more))

    def client(self, name: str, **how: Any) -> openai.OpenAI:  # noqa: ANN401 - as the SDK's
        """The official SDK with a key."""
        return openai.OpenAI(
            base_url=self.gateway.base_url, api_key=self.keys[name].key, **{"max_retries": 0} | how
        )

    def async_client(self, name: str, **how: Any) -> openai.AsyncOpenAI:  # noqa: ANN401
        """The same, not blocking."""
        return openai.AsyncOpenAI(
            base_url=self.gateway.base_url, api_key=self.keys[name].key, **{"max_retries": 0} | how
        )

    def limits(self, name: str) -> dict[str, dict[str, Any]]:
        """What a key is told of its limits.

        By `scope field`, such as `key cost_total`; those of models by `model code field`.
        """
        answer = self.ask(name, "GET", "/v1/usage")
        assert answer.status == 200, answer.body
        return {
            " ".join(
                [each["scope"]]
                + ([each["name"]] if each["scope"] == "model" else [])
                + [each["limit"]]
            ): each
            for each in answer.json["limits"]
        }

    def told(self, name: str, limit: str) -> tuple[Decimal, Decimal]:
        """What of a limit is used and held."""
        found = self.limits(name)[limit]
        return Decimal(found["used"]), Decimal(found["held"])

    def ledger(self, **filters: str) -> dict[str, Any]:
        """The ledger's total of all there ever was, in one currency; filtered as the path is."""
        words = "&".join([EVER, *(f"{name}={value}" for name, value in filters.items())])
        totals = self.admin.done("GET", f"/admin/usage?{words}")["totals"]
        assert len(totals) <= 1
        return totals[0] if totals else {"requests": 0, "failed": 0, "cost": "0"}

    def rows(self, name: str, count: int) -> list[dict[str, Any]]:
        """The ledger's rows of a key, oldest first; waits for so many."""
        path = f"/admin/usage/calls?{EVER}&limit=1000&key={self.keys[name].id}"
        found: list[dict[str, Any]] = []

        def there() -> bool:
            found[:] = self.admin.done("GET", path)["data"]
            return len(found) >= count

        assert within(CARRIED_S, there), f"{len(found)} rows"
        assert len(found) == count
        return sorted(found, key=lambda row: row["at"])

    def spent(self, cost: Decimal, requests: int, **filters: str) -> None:
        """Check that the ledger comes to exactly this, as soon as all is carried there."""
        within(CARRIED_S, lambda: self.ledger(**filters)["requests"] >= requests)
        total = self.ledger(**filters)
        assert (Decimal(total["cost"]), total["requests"]) == (cost, requests)

    def requests_in_log(self, what: str) -> int:
        """How many access lines hold these words, once all until now are written."""
        mark = f"/no-such-page-{time.monotonic_ns()}"
        self.gateway.get(mark)
        assert within(5.0, lambda: mark in self.gateway.log)
        return sum(what in line for line in self.gateway.log.splitlines())


def counting(model: str, used: int, most: int, **more: object) -> dict[str, Any]:
    """A chat request whose answer has `used` tokens of at most `most`."""
    messages = [{"role": "user", "content": f"count to {used}"}]
    return {"model": model, "messages": messages, "max_tokens": most, **more}


def sent_bytes(body: object) -> int:
    """How large a body is that `ask` sends."""
    return len(json.dumps(body).encode())


def counted(code: str, upstream: OpenAISimulator, **more: object) -> dict[str, Any]:
    """A document of a chat model in which only tokens of answers cost something."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "model": "gpt-4o-mini"}
    made = document(code, "OpenAI", "OpenAI", endpoint=upstream.base_url, **account)
    return {**made, "costs": COUNTED, **more}


@contextmanager
def staged(
    folder: Path,
    upstream: OpenAISimulator,
    documents: list[dict[str, Any]],
    settings: Mapping[str, str] | None = None,
) -> Iterator[Stage]:
    """Serve; never around the turn of a month, at which budgets begin anew."""
    left_s = (month_end() - datetime.now(UTC)).total_seconds()
    if left_s < 90:
        time.sleep(left_s + 1)
    told = SECRETS | {"LLMPROXY_ADMIN_KEY": ADMIN_KEY} | dict(settings or {})
    with serving(folder, documents, told) as gateway:
        yield Stage(gateway, upstream)


def month_end() -> datetime:
    """When this month ends, in UTC."""
    first = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + timedelta(days=32)).replace(day=1)


def seconds(text: str) -> float:
    """A time as OpenAI writes it: `120ms`, `41.724s`, `6m0s`, `1h2m3s`."""
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    total, number = 0.0, ""
    for letter in text:
        if letter in "hms":
            total += float(number) * {"h": 3600, "m": 60, "s": 1}[letter]
            number = ""
        else:
            number += letter
    assert number == "", f"no time: {text}"
    return total
