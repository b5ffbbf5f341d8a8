"""A gateway with calls of two projects, and what the provider said that they used."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import openai

from tests.api.admin.administrator import TAKES_EFFECT_S, Administrator
from tests.api.asking import within
from tests.api.documents import document
from tests.simulators.openai import OpenAISimulator

CARRIED_S = 15.0
"""About a second is promised; a busy machine takes longer."""
NANO = 1_000_000_000
PRICES = {
    "mini": ("USD", 150_000_000, 600_000_000),
    "euro": ("EUR", 2_500_000_000, 10_000_000_007),
    "broken": ("USD", 1_000_000_000, 1_000_000_000),
}
"""Of a model: its currency, and nano-units for a million tokens in and out."""
EVER = "since=2020-01-01"


def documents(simulator: OpenAISimulator) -> list[dict[str, Any]]:
    """Models with prices in two currencies; one always fails, one has limits of its own."""
    account = {"secret_name": "OPENAI_SIMULATOR_KEY", "endpoint": simulator.base_url}
    made = []
    for code, (currency, into, out) in PRICES.items():
        costs = {
            "currency": currency,
            "cost_input_1Mtokens": into / NANO,
            "cost_output_1Mtokens": out / NANO,
        }
        upstream = {"mini": "gpt-4o-mini", "euro": "gpt-4o", "broken": "fault-status-503"}[code]
        made.append(
            document(code, "OpenAI", "OpenAI", model=upstream, **account) | {"costs": costs}
        )
    capped = document("capped", "Local", "Echo") | {"private": True, "projects": ["gamma"]}
    return [*made, capped | {"model_limits": {"requests_per_minute": 50}}]


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made, and what its answer said."""

    request_id: str
    project: str
    key: str
    model: str
    outcome: str
    into: int
    out: int
    stream: bool
    tags: tuple[str, ...] = ()

    @property
    def currency(self) -> str:
        """Of the model's price."""
        return PRICES[self.model][0]

    @property
    def cost_nano(self) -> int:
        """Its exact price, rounded half up once."""
        _, into, out = PRICES[self.model]
        return (self.into * into + self.out * out + 500_000) // 1_000_000


@dataclass
class World:
    """The server, its administrator, keys by name, and the calls so far."""

    admin: Administrator
    upstream: OpenAISimulator
    keys: dict[str, tuple[str, str]] = field(default_factory=dict)
    made: list[Made] = field(default_factory=list)

    def new_key(self, name: str, project: str) -> None:
        """Make a key that is known by this name here."""
        self.keys[name] = self.admin.new_key(project=project)
        assert within(TAKES_EFFECT_S, lambda: self.admin.status(self.keys[name][1]) == 200)

    def call(
        self,
        name: str,
        model: str,
        text: str,
        *,
        stream: bool = False,
        header: str | None = None,
        metadata: dict[str, str] | None = None,
    ) -> Made:
        """Make one call with a key, and remember it."""
        key_id, key = self.keys[name]
        more: dict[str, Any] = {} if metadata is None else {"metadata": metadata}
        if header is not None:
            more["extra_headers"] = {"x-llmproxy-tag": header}
        if stream:
            more |= {"stream": True, "stream_options": {"include_usage": True}}
        with openai.OpenAI(
            base_url=self.admin.gateway.base_url, api_key=key, max_retries=0
        ) as client:
            request_id, usage = _asked(client, model, text, more)
        into = out = 0
        if not isinstance(usage, str):
            into, out = usage.prompt_tokens, usage.completion_tokens
        tags = [*(header.split(",") if header else ())]
        tags += [f"{each}={value}" for each, value in (metadata or {}).items()]
        outcome = usage if isinstance(usage, str) else "finished"
        project = name.partition("-")[0]
        made = Made(request_id, project, key_id, model, outcome, into, out, stream, tuple(tags))
        self.made.append(made)
        return made

    def carried(self) -> bool:
        """Whether all calls are in the ledger."""
        totals = self.admin.done("GET", f"/admin/usage?{EVER}")["totals"]
        return sum(each["requests"] for each in totals) == len(self.made)


def _asked(client: openai.OpenAI, model: str, text: str, more: dict[str, Any]) -> tuple[str, Any]:
    """Ask; the gateway's id of the request, and its usage or, where there is none, its outcome."""
    messages = [{"role": "user", "content": text}]
    try:
        raw = client.chat.completions.with_raw_response.create(
            model=model,
            messages=messages,  # type: ignore[arg-type]
            **more,
        )
    except openai.APIStatusError as error:
        outcome = "failed" if error.status_code >= 500 else "refused"
        return error.response.headers["x-request-id"], outcome
    answer: Any = raw.parse()
    if not more.get("stream"):
        return raw.headers["x-request-id"], answer.usage
    usages = [chunk.usage for chunk in answer if chunk.usage is not None]
    assert len(usages) == 1
    return raw.headers["x-request-id"], usages[0]


def make_calls(world: World) -> None:
    """Make calls of every kind that the tests look for."""
    world.new_key("alpha-1", "alpha")
    world.new_key("alpha-2", "alpha")
    world.new_key("beta-1", "beta")
    world.call("alpha-1", "mini", "one two three", header="search,nightly")
    world.call("alpha-1", "mini", "one", stream=True, metadata={"team": "blue", "step": "1"})
    world.call("alpha-1", "euro", "a b c d e f g", metadata={"team": "blue"})
    world.call("alpha-2", "mini", "what is this", header="search", metadata={"team": "red"})
    world.call("alpha-2", "euro", "streamed words here", stream=True)
    world.call("beta-1", "mini", "of the other project", header="=1+1,search")
    world.call("beta-1", "mini", "x " * 500)
    world.upstream.fail_next("status", status=400)
    world.call("beta-1", "euro", "this one is refused", header="nightly")
    world.call("beta-1", "broken", "this one fails", stream=True)
    outcomes = [each.outcome for each in world.made]
    assert outcomes == [*["finished"] * 7, "refused", "failed"]


def nano(cost: str) -> int:
    """An exact cost in nano-units."""
    whole, _, rest = cost.partition(".")
    assert len(rest) == 9
    return int(whole) * NANO + int(rest)


def expected(made: Sequence[Made]) -> dict[str, tuple[int, int, int, int]]:
    """By currency: requests, tokens in and out, cost in nano-units."""
    found = {}
    for currency in {each.currency for each in made}:
        own = [each for each in made if each.currency == currency]
        found[currency] = (
            len(own),
            sum(each.into for each in own),
            sum(each.out for each in own),
            sum(each.cost_nano for each in own),
        )
    return found


def told(rows: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int, int, int]]:
    """The same of sums that the gateway told, which must hold each currency once."""
    assert len({each["currency"] for each in rows}) == len(rows)
    return {
        each["currency"]: (
            int(each["requests"]),
            int(each["input_tokens"]),
            int(each["output_tokens"]),
            nano(each["cost"]),
        )
        for each in rows
    }
