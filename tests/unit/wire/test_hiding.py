"""Secrets in texts of others."""

import json
import time
from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from llmproxy.domain.secret import Secret
from llmproxy.infra.wire.hiding import MASK, MAX_VALUES, Hiding


def hiding(*values: str) -> Hiding:
    made = Hiding()
    for value in values:
        made.add(Secret(value))
    return made


def test_wherever_it_stands() -> None:
    lines = 'line "one"\n/line two'
    hides = hiding("sk-planted-1", "sk-planted-12", lines)
    assert hides.hide("sk-planted-12") == MASK
    assert hides.hide("key=sk-planted-1, xsk-planted-1x") == f"key={MASK}, x{MASK}x"
    assert hides.hide("sk-planted-1sk-planted-12") == MASK * 2
    assert hides.hide(json.dumps({"said": lines})) == f'{{"said": "{MASK}"}}'
    assert hides.hide("/?key=" + quote(lines, safe="")) == f"/?key={MASK}"
    assert hides.hide("") == ""


def test_one_that_is_cut_off() -> None:
    """Words of a provider are shortened before they are logged."""
    hides = hiding("sk-planted-123456789", "sk-other-1")
    assert hides.hide("your key sk-planted-1234") == f"your key {MASK}"
    assert hides.hide("sk-other-1, sk-plant") == f"{MASK}, {MASK}"
    assert hides.hide("sk-plan") == "sk-plan"
    assert hides.hide("sk-planted-1234 is it") == "sk-planted-1234 is it"


def test_words_are_not_hidden() -> None:
    """A short value would be taken out of every text, which says what it is."""
    assert hiding("key", "", "none").hide("the key is none") == "the key is none"


def test_so_many_values_cost_no_time() -> None:
    text = "Incorrect API key provided: sk-nobodys. " * 100
    few, many = hiding("sk-planted-0"), hiding(*(f"sk-planted-{n}" for n in range(41_000)))
    assert many.hide("sk-planted-0: sk-planted-40999") == f"sk-planted-0: {MASK}"
    took = []
    for each in (few, many):
        began = time.perf_counter()
        assert each.hide(text) == text
        took.append(time.perf_counter() - began)
    assert took[1] < took[0] * 20 + 0.05


def test_values_that_begin_differently_cost_no_time() -> None:
    """A long text is not searched for each of them."""
    text = "the quick brown fox jumps over it. " * 6_000
    few, many = (hiding(*(f"{n:06d}planted" for n in range(count))) for count in (400, 20_000))
    took = []
    for each in (few, many):
        began = time.thread_time()
        assert each.hide(text) == text
        took.append(time.thread_time() - began)
    assert took[1] < took[0] * 5 + 0.1


def test_however_many_there_are() -> None:
    """Ids, lines and long texts, by each of the ways to see that there is nothing in them."""
    for count in (1, 20, 300, 1_000):
        hides = hiding(*(f"{n:06d}planted" for n in range(count)))
        for length in (9, 27, 300, 600):
            text = "x" * length
            assert hides.hide(text) == text
            assert hides.hide(f"{text}000000planted{text}") == f"{text}{MASK}{text}"


@given(st.lists(st.text(min_size=8), min_size=1, max_size=5), st.text(), st.text())
def test_nothing_is_left_of_it(values: list[str], before: str, after: str) -> None:
    hides = hiding(*values)
    hidden = hides.hide(before + values[0] + after)
    assert values[0] not in hidden or values[0] in before + MASK + after
    assert hides.hide(before + values[0][:8]).endswith(MASK)


def test_what_was_pushed_out_leaves_nothing() -> None:
    """Values are replaced for as long as a process lives."""
    made = hiding(*(f"{number:08}-{number:08}" for number in range(MAX_VALUES + 500)))
    assert len(made._by_end) == MAX_VALUES
    assert len(made._by_beginning) == MAX_VALUES
