"""Calls that belong together go to one deployment, and few of them move when one is away."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmproxy.application.interfaces.call import Call
from llmproxy.application.routing.affinity import PREFIX_BYTES, draws, key_of, seed_of
from llmproxy.domain.operation import Operation
from llmproxy.domain.routing import Affinity
from tests.fakes.clock import FakeClock
from tests.fakes.upstream import CALLER, FakeBody, call

KEYS = 4000
SEEDS = [seed_of(f"deployment-{number}") for number in range(8)]


def winner(key: int, seeds: list[int], weights: list[float] | None = None) -> int:
    """The seed that draws the least."""
    drawn = draws(key, seeds, weights)
    return seeds[drawn.index(min(drawn))]


def keys() -> list[int]:
    """Numbers as callers have them."""
    found = [
        key_of(asked(prompt_cache_key=f'"user-{number}"'), Affinity.KEY) for number in range(KEYS)
    ]
    return [key for key in found if key is not None]


def asked(**fields: str) -> Call:
    """A call with these fields of its body, as JSON texts."""
    return call(FakeClock(), body=FakeBody({name: text.encode() for name, text in fields.items()}))


def test_equal_weights_have_equal_shares() -> None:
    """Eight deployments get an eighth of the keys each, within four standard deviations."""
    found = Counter(winner(key, SEEDS) for key in keys())
    assert len(found) == 8
    assert all(abs(count - KEYS / 8) < 4 * (KEYS * 7 / 64) ** 0.5 for count in found.values())


def test_weights_are_shares_of_the_keys() -> None:
    """A deployment of weight 3 beside one of 1 gets three quarters."""
    found = Counter(winner(key, SEEDS[:2], [3.0, 1.0]) for key in keys())
    assert found[SEEDS[0]] == pytest.approx(KEYS * 0.75, rel=0.05)


def test_only_the_keys_of_one_that_leaves_move() -> None:
    """And they spread over all that are left."""
    gone, *left = SEEDS
    moved: Counter[int] = Counter()
    for key in keys():
        before, after = winner(key, SEEDS), winner(key, left)
        if before == gone:
            moved[after] += 1
        else:
            assert after == before
    assert len(moved) == 7
    assert max(moved.values()) < 2 * min(moved.values())


@given(st.integers(0, 2**64 - 1), st.lists(st.integers(0, 2**64 - 1), min_size=1, unique=True))
def test_equal_weights_are_no_weights(key: int, seeds: list[int]) -> None:
    """The short way finds the same order as the long one."""
    short, plain = draws(key, seeds, None), draws(key, seeds, [2.5] * len(seeds))
    places = range(len(seeds))
    ordered = sorted(places, key=short.__getitem__)
    assert [plain[place] for place in ordered] == sorted(plain)


def test_projects_have_nothing_in_common() -> None:
    """The same key of another project is another key."""
    mine, theirs = asked(prompt_cache_key='"k"'), asked(prompt_cache_key='"k"')
    theirs.caller = replace(CALLER, project="beta")
    assert key_of(mine, Affinity.KEY) != key_of(theirs, Affinity.KEY)


def test_without_a_key_calls_belong_nowhere() -> None:
    """Nor with one of null, nor where affinity is off."""
    prompt = '[{"role":"user","content":"hi"}]'
    assert key_of(asked(messages=prompt), Affinity.KEY) is None
    assert key_of(asked(messages=prompt, prompt_cache_key="null"), Affinity.KEY) is None
    assert key_of(asked(messages=prompt, prompt_cache_key='"k"'), Affinity.OFF) is None


@pytest.mark.parametrize("field", ["messages", "input", "prompt"])
def test_a_prefix_is_where_prompts_begin(field: str) -> None:
    """Prompts that differ after 1,024 bytes belong together, those that differ before do not."""
    head = '"' + "x" * PREFIX_BYTES
    one, other = (key_of(asked(**{field: head + tail}), Affinity.PREFIX) for tail in "ab")
    assert one == other is not None
    assert key_of(asked(**{field: '"y' + head}), Affinity.PREFIX) != one


def test_instructions_stand_before_the_input() -> None:
    """What /v1/responses calls instructions is the beginning of its prompt."""
    one = key_of(asked(instructions='"Be brief."', input='"a"'), Affinity.PREFIX)
    other = key_of(asked(instructions='"Be long."', input='"a"'), Affinity.PREFIX)
    assert one != other


def test_a_key_stands_before_the_prefix() -> None:
    """Who names a key means it."""
    one = key_of(asked(messages='"a"', prompt_cache_key='"k"'), Affinity.PREFIX)
    assert one == key_of(asked(messages='"b"', prompt_cache_key='"k"'), Affinity.PREFIX)


def test_only_prompts_that_are_cached_have_prefixes() -> None:
    """An embedding's input is read once."""
    embedding = asked(input='"a"')
    embedding.operation = Operation.EMBEDDINGS
    assert key_of(embedding, Affinity.PREFIX) is None
    assert key_of(asked(), Affinity.PREFIX) is None
