"""Calls for the suites of ledgers, and the ledger that the others are compared with."""

import random
from collections.abc import Sequence

from llmproxy.application.interfaces.journal import Closed, Outcome
from llmproxy.application.interfaces.usage_ledger import Batch, UsageLedger
from llmproxy.domain.usage import Usage
from tests.fakes.usage_ledger import NOON, FakeUsageLedger, call

FILE = "9f86d081884c7d65-000001.jsonl"
TOKENS = 55
"""What each of the calls used, in and out."""


async def put(ledger: UsageLedger, *calls: Closed, source: str = FILE) -> None:
    """Have it take some calls as the next batch of a file."""
    begin = (await ledger.taken(source)).end
    await ledger.take(Batch(source, begin, begin + 100 * len(calls), calls, ended=False))


def mixed(count: int = 300) -> list[Closed]:
    """Calls of all kinds over three months."""
    made: list[Closed] = []
    draw = random.Random(7)  # noqa: S311 - repeatable
    for number in range(count):
        tokens = [draw.randrange(1000) for _ in Usage._fields[1:]]
        made.append(
            call(
                number,
                at=NOON + 900 * draw.randrange(-6000, 1) + draw.random() * 900,
                key_id=draw.choice(["key_1", "key_2"]),
                project=draw.choice(["équipe", "b", None]),
                model=draw.choice(["mini", "maxi"]),
                deployment=draw.choice(["mini-1", "mini-2", None]),
                operation=draw.choice(["ChatCompletion", "Embedding"]),
                outcome=draw.choice(list(Outcome)),
                currency=draw.choice(["USD", "EUR"]),
                usage=Usage(*tokens, estimated=draw.random() < 0.3),
                cost_nano=draw.randrange(10**12),
                counted=draw.randrange(2),
                tags=draw.choice([(), ("x",), ("x", "y"), ("y", "y")]),
            )
        )
    return made


async def known(calls: Sequence[Closed]) -> FakeUsageLedger:
    """Return the ledger that the others are compared with."""
    fake = FakeUsageLedger()
    await put(fake, *calls)
    return fake
