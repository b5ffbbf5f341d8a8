"""What calls cost: the header and the ledger say the exact product of usage and prices.

Computed here from the documents' decimals and the provider's own words, by no code of the gateway.
"""

import json
from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import httpx
import pytest

from tests.api.admin.administrator import HELLO
from tests.api.asking import Answer, bearer
from tests.api.limits.priced import DEAR, EVERY, MEDIA
from tests.api.limits.stage import TOKEN, Stage
from tests.api.traces import settled

NANO = Decimal("0.000000001")
MILLION = 1_000_000


@pytest.fixture(scope="module", name="holders", autouse=True)
def _holders(whole_stage: Stage) -> None:
    whole_stage.hand_out(
        priced={},
        dollars={"limits": {"cost_total": 5}},
        reais={"project_limits": {"cost_per_month": 5, "currency": "BRL"}},
        spent={"limits": {"cost_total": 0, "requests_total": 50}},
    )


def decimal(number: object) -> Decimal:
    """A number as it stands in a document."""
    return Decimal(str(number))


def cost_of(counts: Mapping[str, int], costs: Mapping[str, Any]) -> Decimal:
    """The exact product, rounded half up to a billionth once."""
    total = (
        sum((count * decimal(costs[field]) for field, count in counts.items()), Decimal(0))
        / MILLION
    )
    return total.quantize(NANO, ROUND_HALF_UP)


def check_cost(stage: Stage, expected: Decimal, header: str | None, currency: str = "USD") -> None:
    """Check the header, where there can be one, and the settlement."""
    if header is not None:
        assert header == f"{expected:.9f}"
    line = settled(stage.gateway)[-1]
    assert (line["cost_nano"] * NANO, line["currency"]) == (expected, currency)
    assert line["outcome"] == "finished"


def usage(prompt: int, cached: int = 0, **more: int) -> dict[str, Any]:
    """What a provider says that a chat has used; parts that are none of `cached` by their name."""
    out = {"reasoning_tokens": more.get("reasoning", 0), "audio_tokens": more.get("spoken", 0)}
    into = {"cached_tokens": cached, "audio_tokens": more.get("heard", 0)}
    into |= {name: more[name] for name in ("cache_write_tokens", "image_tokens") if name in more}
    return {
        "prompt_tokens": prompt,
        "completion_tokens": more.get("out", 507),
        "total_tokens": prompt + more.get("out", 507),
        "prompt_tokens_details": into,
        "completion_tokens_details": out,
    }


def told(stage: Stage, model: str, used: dict[str, Any], *, stream: bool = False) -> Answer:
    """The answer of a provider that says so."""
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk" if stream else "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
    }
    kind = "application/json"
    if stream:
        kind = "text/event-stream"
        delta = {"role": "assistant", "content": "Yes."}
        first = {"index": 0, "delta": delta, "finish_reason": "stop"}
        chunks = [chunk | {"choices": [first]}, chunk | {"choices": [], "usage": used}]
        body = "".join(f"data: {json.dumps(each)}\n\n" for each in chunks) + "data: [DONE]\n\n"
    else:
        message = {"role": "assistant", "content": "Yes.", "refusal": None}
        first = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        body = json.dumps(chunk | {"choices": [first], "usage": used})
    headers = {"content-type": kind}
    stage.upstream.fail_next("status", status=200, body=body, headers=headers)
    answer = stage.chat("priced", model, 4, 600, stream=stream)
    assert answer.status == 200
    return answer


EVERY_PART = usage(
    1000,
    cached=301,
    cache_write_tokens=120,
    heard=50,
    image_tokens=77,
    reasoning=200,
    spoken=33,
)
PARTS = {
    "cost_input_1Mtokens": 1000 - 301 - 120 - 50 - 77,
    "cost_cached_input_1Mtokens": 301,
    "cost_cache_write_1Mtokens": 120,
    "cost_audio_input_1Mtokens": 50,
    "cost_image_input_1Mtokens": 77,
    "cost_output_1Mtokens": 507 - 200 - 33,
    "cost_reasoning_1Mtokens": 200,
    "cost_audio_output_1Mtokens": 33,
}


@pytest.mark.parametrize("stream", [False, True])
def test_every_part_has_its_price(stage: Stage, *, stream: bool) -> None:
    """None is left out, none is counted twice."""
    answer = told(stage, "every", EVERY_PART, stream=stream)
    check_cost(stage, cost_of(PARTS, EVERY), answer.headers.get("x-llmproxy-cost"))


def test_parts_without_a_price_cost_what_plain_ones_do(stage: Stage) -> None:
    """And the prices of 1K tokens are a thousandth of those of 1M."""
    answer = told(stage, "per-1k", EVERY_PART)
    expected = (1000 * decimal(0.00015) + 507 * decimal(0.0006)) / 1000
    check_cost(stage, expected, answer.headers["x-llmproxy-cost"], "BRL")


@pytest.mark.parametrize(
    ("prompt", "cached", "into", "cheap", "out"),
    [
        (2000, 500, "1.25", "0.125", "10"),
        (2001, 500, "2.5", "0.125", "15"),
        (2001, 2001, "2.5", "0.125", "15"),
        (9000, 1, "2.5", "0.125", "15"),
        (9001, 9000, "1.25", "7", "10"),
    ],
)
def test_tiers(stage: Stage, prompt: int, cached: int, into: str, cheap: str, out: str) -> None:
    """All of a call is priced by the size of its whole input, cached or not.

    What a tier leaves out costs what it costs without tiers.
    """
    answer = told(stage, "tiers", usage(prompt, cached))
    prices = {"into": into, "cheap": cheap, "out": out}
    counts = {"into": prompt - cached, "cheap": cached, "out": 507}
    check_cost(stage, cost_of(counts, prices), answer.headers["x-llmproxy-cost"], "EUR")


def test_costs_of_any_size_are_exact(stage: Stage) -> None:
    """More digits than a binary float has."""
    answer = told(stage, "dear", usage(1, out=123_457))
    counts = {"cost_input_1Mtokens": 1, "cost_output_1Mtokens": 123_457}
    check_cost(stage, cost_of(counts, DEAR), answer.headers["x-llmproxy-cost"])


def test_images(stage: Stage) -> None:
    """By their tokens, and by the piece where the provider reports none."""
    body = {"model": "painter", "prompt": "a red square", "n": 2}
    answer = stage.ask("priced", "POST", "/v1/images/generations", body)
    counts = {"cost_input_1Mtokens": 3, "cost_image_output_1Mtokens": 2 * 1056}
    check_cost(stage, cost_of(counts, MEDIA["painter"][2]), answer.headers["x-llmproxy-cost"])

    body = {"model": "old-painter", "prompt": "a red square", "n": 3}
    answer = stage.ask("priced", "POST", "/v1/images/generations", body)
    check_cost(stage, 3 * decimal(0.019), answer.headers["x-llmproxy-cost"])


def test_speech(stage: Stage) -> None:
    """Characters are counted here: those of the text, not its bytes."""
    said = "Olá, você! " * 10
    body = {"model": "voice", "input": said, "voice": "coral"}
    assert stage.ask("priced", "POST", "/v1/audio/speech", body).status == 200
    check_cost(stage, decimal(15) * len(said) / MILLION, None)


def test_transcriptions(stage: Stage) -> None:
    """By the seconds that the provider heard, and by its tokens."""
    with stage.client("priced") as client:
        for model, expected in (
            ("typist", decimal(4.5) * decimal(0.0001)),
            ("listener", (45 * decimal(6) + 6 * decimal(10)) / MILLION),
        ):
            raw = client.audio.transcriptions.with_raw_response.create(
                model=model, file=("a.mp3", bytes(5000))
            )
            text = raw.parse().text
            if model == "listener":
                assert len(text.split()) == 6
            check_cost(stage, expected, raw.headers["x-llmproxy-cost"])


def test_embeddings(stage: Stage) -> None:
    """Only what goes in costs something."""
    body = {"model": "embedder", "input": ["one two three", "four five"]}
    answer = stage.ask("priced", "POST", "/v1/embeddings", body)
    check_cost(stage, 5 * decimal(0.02) / MILLION, answer.headers["x-llmproxy-cost"])


@pytest.mark.parametrize(
    ("model", "path", "field"),
    [
        ("unpriced", "/v1/chat/completions", "cost_input_1Mtokens"),
        ("painter-unpriced", "/v1/images/generations", "cost_image"),
        ("voice-unpriced", "/v1/audio/speech", "cost_1Mcharacters"),
        ("typist-unpriced", "/v1/audio/transcriptions", "cost_audio_second"),
        ("embedder-unpriced", "/v1/embeddings", "cost_input_1Mtokens"),
    ],
)
def test_a_missing_price(stage: Stage, model: str, path: str, field: str) -> None:
    """402, and it says which field of the document it is; nobody is asked."""
    key = stage.keys["priced"].key
    if "transcriptions" in path:
        form = {"model": (None, model), "file": ("a.mp3", bytes(100))}
        with httpx.Client(trust_env=False, headers=bearer(key)) as client:
            got = client.post(stage.gateway.url + path, files=form)
        status, error = got.status_code, got.json()["error"]
    else:
        words = {"messages": HELLO} if "chat" in path else {"input": "Hello", "voice": "coral"}
        words = {"prompt": "Hello"} if "images" in path else words
        words = {"input": "Hello"} if "embeddings" in path else words
        refusal = stage.ask("priced", "POST", path, {"model": model, **words})
        status, error = refusal.status, refusal.error
    assert (status, error["code"], error["param"]) == (402, "price_missing", "model")
    assert f"costs.{field}" in error["message"]
    assert stage.upstream.requests == []


def test_budgets_and_currencies(stage: Stage) -> None:
    """A budget refuses what is priced in another money, and takes a deployment in its own."""
    refusal = stage.chat("reais", "every")
    assert (refusal.status, refusal.error["code"]) == (403, "budget_currency")
    assert "budget of the project is in BRL" in refusal.error["message"]
    assert stage.chat("dollars", "per-1k").status == 403
    assert stage.upstream.requests == []

    for name, deployment in (("reais", "two-brl"), ("dollars", "two-usd")):
        for _ in range(3):
            answer = stage.chat(name, "two")
            assert answer.headers["x-llmproxy-deployment"] == deployment
    used = (9 * decimal(0.00015) + 4 * decimal(0.0006)) / 1000
    assert stage.told("reais", "project cost_per_month") == (3 * used, 0)
    assert stage.told("dollars", "key cost_total") == (3 * 4 * TOKEN, 0)


def test_what_is_free_needs_no_budget(stage: Stage) -> None:
    """A spent budget, or one in another currency, refuses only what costs something."""
    assert stage.chat("spent", "counted").error["code"] == "insufficient_quota"
    for name in ("spent", "reais"):
        answer = stage.chat(name, "free")
        assert (answer.status, answer.headers["x-llmproxy-cost"]) == (200, "0.000000000")
    assert stage.told("spent", "key requests_total") == (1, 0)


def test_the_ledger_has_the_same(stage: Stage) -> None:
    """Every call of these tests is a row, with the cost that was settled."""
    lines = {line["request_id"]: line for line in settled(stage.gateway)}
    for name in ("priced", "dollars", "reais", "spent"):
        own = {key for key, line in lines.items() if line["key_id"] == stage.keys[name].id}
        rows = stage.rows(name, len(own))
        assert {row["request_id"] for row in rows} == own
        for row in rows:
            line = lines[row["request_id"]]
            assert Decimal(row["cost"]) == line["cost_nano"] * NANO
            assert row["currency"] == line["currency"]
            assert sum(Decimal(each["cost"]) for each in row["attempts"]) == Decimal(row["cost"])
