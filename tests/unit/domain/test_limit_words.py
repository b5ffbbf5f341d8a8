"""Refusals of limits, word by word."""

from pathlib import Path

import pytest

from llmproxy.domain.errors import BudgetSpent, Forbidden, RateLimited
from llmproxy.domain.limit import Measure, Rule, Window
from llmproxy.domain.limit_words import (
    Shortage,
    amount_words,
    concurrent_refusal,
    currency_refusal,
    longest,
    money,
    refusal_of,
    shortest,
    wait_words,
)

M, W = Measure, Window


def flat(text: str) -> str:
    """Return a text in one line."""
    return " ".join(text.split())


def short(
    rule: Rule,
    figures: tuple[int, int, int],
    frees_s: float | None = 20.0,
    kind: str = "project",
    name: str = "alpha",
) -> Shortage:
    used, held, asked = figures
    return Shortage(kind, name, "gpt-x", rule, "USD", used, held, asked, frees_s)


WORDS = [
    (
        short(Rule(M.REQUESTS, W.MINUTE, 3), (2, 1, 1)),
        flat(
            """
            Rate limit reached for `gpt-x` in project `alpha` on requests per min (RPM): Limit 3,
            Used 3, Requested 1. Please try again in 20s. The limit is `requests_per_minute` of
            the project.
            """
        ),
        20.0,
    ),
    (
        short(Rule(M.TOKENS, W.DAY, 100), (90, 5, 20), 3_723.0001, "key", "k1"),
        flat(
            """
            Rate limit reached for `gpt-x` with key `k1` on tokens per day (TPD): Limit 100, Used
            90, Reserved 5, Requested 20. Please try again in 1h2m3.001s. The limit is
            `tokens_per_day` of the key.
            """
        ),
        3_723.001,
    ),
    (
        short(Rule(M.TOKENS, W.MINUTE, 100), (10, 80, 20), 55.0),
        flat(
            """
            Rate limit reached for `gpt-x` in project `alpha` on tokens per min (TPM): Limit 100,
            Used 10, Reserved 80, Requested 20. Please try again in 1s. The limit is
            `tokens_per_minute` of the project.
            """
        ),
        1.0,
    ),
    (
        short(Rule(M.REQUESTS, W.MINUTE, 3), (2, 1, 1), 0.12, "model", "gpt-x"),
        flat(
            """
            Rate limit reached for `gpt-x` on requests per min (RPM): Limit 3, Requested 1. Please
            try again in 120ms. The limit is `requests_per_minute` of the model.
            """
        ),
        0.12,
    ),
    (
        short(Rule(M.COST, W.MINUTE, 10**9), (10**9, 0, 1), 61.5, "deployment", "east"),
        flat(
            """
            Rate limit reached for `gpt-x` at its deployment `east` on cost per min: Limit 1 USD,
            Requested 0.000000001 USD. Please try again in 1m1.5s. The limit is `cost_per_minute`
            of the deployment.
            """
        ),
        61.5,
    ),
    (
        short(Rule(M.COST, W.MONTH, 10**10), (9 * 10**9, 10**9, 10**8), 60.0),
        flat(
            """
            What is left of the budget for `gpt-x` in project `alpha` on cost per month is
            reserved by requests in flight: Limit 10 USD, Used 9 USD, Reserved 1 USD, Requested
            0.1 USD. Please try again in 1s. The limit is `cost_per_month` of the project.
            """
        ),
        1.0,
    ),
]


@pytest.mark.parametrize(("shortage", "words", "retry_after_s"), WORDS)
def test_rates(shortage: Shortage, words: str, retry_after_s: float) -> None:
    """OpenAI's words, our scopes; the time in the message is the time in the header."""
    error = refusal_of(shortage)
    assert error.message == words
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == retry_after_s
    assert not error.final


SPENT = [
    (
        short(Rule(M.COST, W.MONTH, 10**10), (10**10, 0, 1), 7_200.0),
        flat(
            """
            You exceeded your current quota, please check your plan and billing details. The quota
            for `gpt-x` in project `alpha` on cost per month is used up: Limit 10 USD, Used 10
            USD, Requested 0.000000001 USD. It has room for this request again in 2h0m0s. The
            limit is `cost_per_month` of the project.
            """
        ),
    ),
    (
        short(Rule(M.TOKENS, W.TOTAL, 100), (95, 5, 6), None, "key", "k1"),
        flat(
            """
            You exceeded your current quota, please check your plan and billing details. The quota
            for `gpt-x` with key `k1` on tokens in total is used up: Limit 100, Used 95, Reserved
            5, Requested 6. It is not renewed by itself. The limit is `tokens_total` of the key.
            """
        ),
    ),
    (
        short(Rule(M.COST, W.DAY, 0), (0, 0, 7), None, "model", "gpt-x"),
        flat(
            """
            You exceeded your current quota, please check your plan and billing details. The quota
            for `gpt-x` on cost per day is used up: Limit 0 USD, Requested 0.000000007 USD. It is
            not renewed by itself. The limit is `cost_per_day` of the model.
            """
        ),
    ),
]


@pytest.mark.parametrize(("shortage", "words"), SPENT)
def test_budgets(shortage: Shortage, words: str) -> None:
    """A month's or a total's limit of anything, and a day's of money, is a quota."""
    error = refusal_of(shortage)
    assert isinstance(error, BudgetSpent)
    assert error.code == "insufficient_quota"
    assert error.message == words


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (
            Rule(M.TOKENS, W.MINUTE, 10),
            flat(
                """
                Request too large for `gpt-x` in project `alpha` on tokens per min (TPM): Limit
                10, Requested 11. The input or output tokens must be reduced in order to run
                successfully. The limit is `tokens_per_minute` of the project.
                """
            ),
        ),
        (
            Rule(M.COST, W.MONTH, 10),
            flat(
                """
                Request too large for `gpt-x` in project `alpha` on cost per month: Limit
                0.00000001 USD, Requested 0.000000011 USD. The input or output tokens must be
                reduced in order to run successfully. The limit is `cost_per_month` of the
                project.
                """
            ),
        ),
    ],
)
def test_too_large(rule: Rule, words: str) -> None:
    """What can never fit is told to be final."""
    error = refusal_of(short(rule, (0, 0, 11), None))
    assert isinstance(error, RateLimited)
    assert (error.message, error.final, error.retry_after_s) == (words, True, None)


def test_no_requests_at_all() -> None:
    """A limit of zero requests says so."""
    error = refusal_of(short(Rule(M.REQUESTS, W.MINUTE, 0), (0, 0, 1), None))
    assert "Limit 0, Requested 1. It allows none." in error.message


def test_concurrent_requests() -> None:
    """Others' running calls are not counted to a caller."""
    own = concurrent_refusal("key", "k1", "gpt-x", 2, 2)
    assert own.message == (
        "Rate limit reached for `gpt-x` with key `k1` on concurrent requests: Limit 2, Running 2, "
        "Requested 1. Please try again in 1s. The limit is `concurrent_requests` of the key."
    )
    assert "Running" not in concurrent_refusal("model", "gpt-x", "gpt-x", 2, 2).message
    assert concurrent_refusal("key", "k1", "gpt-x", 0, 0).final


def test_the_limit_is_named_for_programs() -> None:
    """By the kind of its scope and by its field, whatever the refusal says in words."""
    rate = refusal_of(short(Rule(M.REQUESTS, W.MINUTE, 3), (3, 0, 1), 2.0))
    spent = refusal_of(short(Rule(M.COST, W.MONTH, 3), (3, 0, 1), None))
    large = refusal_of(short(Rule(M.TOKENS, W.DAY, 10), (0, 0, 11), None))
    assert [error.limit for error in (rate, spent, large)] == [
        (short(Rule(M.REQUESTS, W.MINUTE, 3), (3, 0, 1), 2.0).kind, field)
        for field in ("requests_per_minute", "cost_per_month", "tokens_per_day")
    ]
    running = concurrent_refusal("project", "p", "gpt-x", 2, 2)
    assert running.limit == ("project", "concurrent_requests")


def test_the_refusal_that_counts() -> None:
    """Of several the one that stands in the way longest; of lanes the one that goes first."""
    soon = refusal_of(short(Rule(M.REQUESTS, W.MINUTE, 3), (3, 0, 1), 2.0))
    later = refusal_of(short(Rule(M.REQUESTS, W.MINUTE, 3), (3, 0, 1), 30.0))
    spent = refusal_of(short(Rule(M.COST, W.TOTAL, 3), (3, 0, 1), None))
    final = refusal_of(short(Rule(M.TOKENS, W.MINUTE, 3), (0, 0, 4), None))
    money_of = currency_refusal("key", "EUR", "gpt-x")
    assert longest([soon, later]) is later
    assert longest([soon, spent, later]) is spent
    assert longest([soon, final]) is final
    assert shortest([spent, later, soon]) is soon
    assert isinstance(money_of, Forbidden)
    assert shortest([money_of, later]) is later


def test_numbers() -> None:
    """Costs are exact decimals, waits are written as OpenAI's are."""
    assert [money(nano) for nano in (0, 1, 10**9, 1_500_000_000, 10**20)] == [
        "0",
        "0.000000001",
        "1",
        "1.5",
        "100000000000",
    ]
    assert amount_words(M.TOKENS, 7, "USD") == "7"
    assert amount_words(M.COST, 250_000_000, "EUR") == "0.25 EUR"
    assert [wait_words(s) for s in (0.0001, 0.9999, 41.724, 60, 360, 3_600, 90_061.5)] == [
        "1ms",
        "1s",
        "41.724s",
        "1m0s",
        "6m0s",
        "1h0m0s",
        "25h1m1.5s",
    ]


def test_the_page_has_these_words() -> None:
    """The examples of docs/limits.md are what callers read."""
    page = (Path(__file__).parents[3] / "docs/limits.md").read_text("utf-8")
    examples = page.partition("```text\n")[2].partition("```")[0].splitlines()
    too_large = refusal_of(short(Rule(M.TOKENS, W.MINUTE, 10), (0, 0, 11), None)).message
    assert examples == [WORDS[0][1], too_large, WORDS[-1][1], SPENT[0][1]]
