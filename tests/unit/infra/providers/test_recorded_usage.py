"""Every usage in `tests/recorded`, by whatever provider: our parts are its totals, and its price.

What a provider says is priced here a second time, in decimals and by its own documentation, without
the code under test.
"""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from llmproxy.domain.costs import price_from_costs
from llmproxy.domain.pricing import Price
from llmproxy.domain.usage import Usage
from llmproxy.infra.providers.claude.usage import WireUsage as ClaudeUsage
from llmproxy.infra.providers.claude.usage import usage_of as claude_usage
from llmproxy.infra.providers.gemini.usage import usage_in as google_usage
from llmproxy.infra.providers.openai_wire.usage import WireUsage, usage_from

RECORDED = Path(__file__).parents[3] / "recorded"
FOLDERS = (
    "claude", "gemini", "google_media", "litellm", "near_openai", "openai", "responses_over_chat",
)  # fmt: skip
Json = dict[str, Any]
COSTS = {
    "cost_input_1Mtokens": 3,
    "cost_output_1Mtokens": 15,
    "cost_cached_input_1Mtokens": "0.3",
    "cost_cache_write_1Mtokens": "3.75",
    "cost_cache_write_1h_1Mtokens": 6,
    "cost_reasoning_1Mtokens": 17,
    "cost_audio_input_1Mtokens": 40,
    "cost_audio_output_1Mtokens": 80,
    "cost_image_input_1Mtokens": 10,
    "cost_image_output_1Mtokens": 41,
}
EACH = {name: Decimal(value) for name, value in COSTS.items()}


def price() -> Price:
    """A price in which every part differs."""
    read = price_from_costs(EACH, free=False)
    assert read is not None
    return read


class Priced(NamedTuple):
    """What a provider's own words come to: tokens in and out, and micro-units of money."""

    into: int
    out: int
    micro: Decimal


def micro(**counts: int) -> Decimal:
    """Price counts by the name of their field: tokens times the price of a million."""
    names = {
        "plain": "cost_input", "read": "cost_cached_input", "write": "cost_cache_write",
        "kept": "cost_cache_write_1h", "said": "cost_output", "thought": "cost_reasoning",
        "heard": "cost_audio_input", "spoken": "cost_audio_output", "seen": "cost_image_input",
        "drawn": "cost_image_output",
    }  # fmt: skip
    return sum(
        (count * EACH[f"{names[kind]}_1Mtokens"] for kind, count in counts.items()), Decimal(0)
    )


def _said(usage: Json, *names: str) -> Json:
    return next((usage[name] for name in names if usage.get(name)), {})


def by_openai(usage: Json) -> Priced:
    """Both totals hold their parts."""
    into = usage.get("prompt_tokens", usage.get("input_tokens", 0))
    out = usage.get("completion_tokens", usage.get("output_tokens", 0))
    before = _said(usage, "prompt_tokens_details", "input_tokens_details", "input_token_details")
    after = _said(
        usage, "completion_tokens_details", "output_tokens_details", "output_token_details"
    )
    read = before.get("cached_tokens") or 0
    write = before.get("cache_write_tokens", before.get("cache_creation_tokens")) or 0
    heard, seen = before.get("audio_tokens") or 0, before.get("image_tokens") or 0
    cached = before.get("cached_tokens_details") or {}
    heard -= cached.get("audio_tokens") or 0
    thought, spoken = after.get("reasoning_tokens") or 0, after.get("audio_tokens") or 0
    drawn = after.get("image_tokens") or 0
    money = micro(
        plain=into - read - write - heard - seen,
        read=read,
        write=write,
        heard=heard,
        seen=seen,
        said=out - thought - spoken - drawn,
        thought=thought,
        spoken=spoken,
        drawn=drawn,
    )
    return Priced(into, out, money)


def by_anthropic(usage: Json) -> Priced:
    """The parts of the input stand beside one another."""
    plain, read = usage.get("input_tokens") or 0, usage.get("cache_read_input_tokens") or 0
    write = usage.get("cache_creation_input_tokens") or 0
    kept = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens") or 0
    out = usage["output_tokens"]
    thought = (usage.get("output_tokens_details") or {}).get("thinking_tokens") or 0
    money = micro(
        plain=plain, read=read, write=write - kept, kept=kept, said=out - thought, thought=thought
    )
    return Priced(plain + read + write, out, money)


def by_google(usage: Json) -> Priced | None:
    """The total is the sum of prompt, tools, candidates and thoughts; else another test's case."""
    into, tools = usage.get("promptTokenCount", 0), usage.get("toolUsePromptTokenCount", 0)
    out, thought = usage.get("candidatesTokenCount", 0), usage.get("thoughtsTokenCount", 0)
    if usage.get("totalTokenCount", into) != into + tools + out + thought:
        return None

    def of(kind: str, field: str) -> int:
        return sum(each["tokenCount"] for each in usage.get(field, ()) if each["modality"] == kind)

    read = usage.get("cachedContentTokenCount", 0)
    heard = of("AUDIO", "promptTokensDetails") - of("AUDIO", "cacheTokensDetails")
    seen = of("IMAGE", "promptTokensDetails") - of("IMAGE", "cacheTokensDetails")
    spoken, drawn = of("AUDIO", "candidatesTokensDetails"), of("IMAGE", "candidatesTokensDetails")
    money = micro(
        plain=into + tools - read - heard - seen,
        read=read,
        heard=heard,
        seen=seen,
        said=out - spoken - drawn,
        spoken=spoken,
        drawn=drawn,
        thought=thought,
    )
    return Priced(into + tools, out + thought, money)


def read_openai(usage: Json) -> Usage | None:
    return usage_from(msgspec.convert(usage, WireUsage))


def read_anthropic(usage: Json) -> Usage | None:
    return claude_usage(msgspec.convert(usage, ClaudeUsage))


def read_google(usage: Json) -> Usage | None:
    return google_usage(json.dumps(usage).encode())


class Case(NamedTuple):
    """A usage object, who reads it, and who prices it."""

    usage: Json
    read: Callable[[Json], Usage | None]
    priced: Callable[[Json], Priced | None]


def usages(value: object) -> Iterator[Json]:
    """Every usage object at any depth, also in texts that are JSON or events of a stream."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in {"usage", "usageMetadata"} and isinstance(inner, dict):
                yield inner
            else:
                yield from usages(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from usages(inner)
    elif isinstance(value, str) and "okens" in value:
        for line in (value, *value.splitlines()):
            yield from usages(_json(line.removeprefix("data:").strip()))


def _json(text: str) -> object:
    try:
        return json.loads(text) if text.startswith(("{", "[")) else None
    except ValueError:
        return None


def cases() -> Iterator[object]:
    for path in sorted(each for folder in FOLDERS for each in (RECORDED / folder).glob("*.json*")):
        text = path.read_text("utf-8")
        lines = text.splitlines() if path.suffix == ".jsonl" else [text]
        found = [usage for line in lines for usage in usages(json.loads(line))]
        for number, usage in enumerate(found):
            case = _case(path.parent.name, usage)
            if case is not None:
                yield pytest.param(case, id=f"{path.parent.name}/{path.stem}/{number}")


def _case(folder: str, usage: Json) -> Case | None:
    if any(name.endswith("TokenCount") for name in usage):
        return Case(usage, read_google, by_google)
    if "completion_tokens" in usage:
        return Case(usage, read_openai, by_openai)
    if folder == "claude":
        return Case(usage, read_anthropic, by_anthropic) if "output_tokens" in usage else None
    return Case(usage, read_openai, by_openai) if "output_tokens" in usage else None


CASES = list(cases())


@pytest.mark.parametrize("case", CASES)
def test_recorded(case: Case) -> None:
    """Parts make up the provider's totals; the cost is what decimals make of its own words."""
    expected = case.priced(case.usage)
    if expected is None:
        return
    read = case.read(case.usage)
    if read is None:
        assert (expected.into, expected.out) == (0, 0)
        return
    assert all(count >= 0 for count in read)
    assert (read.total_input_tokens, read.total_output_tokens) == (expected.into, expected.out)
    assert price().cost_nano(read) == expected.micro * 1000


def test_many_are_looked_at() -> None:
    """From each folder, so that a change of the files' shape does not empty the test."""
    assert len(CASES) >= 60
    of_folder = {str(case.id).partition("/")[0] for case in CASES}  # type: ignore[attr-defined]
    assert of_folder == set(FOLDERS)
