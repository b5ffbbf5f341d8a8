"""The ledger after a run: every call in one row, every request of a provider among its attempts."""

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos.provider import Provider
from tests.chaos.weather import Mode

LISTED = 10
STORIES = 1000


@dataclass(slots=True)
class Books:
    """What the ledger says, and where it does not agree with clients or providers."""

    rows: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    """Failed attempts by their code."""
    hidden: int = 0
    """Calls that were answered, or began to be, although somebody had failed before."""
    wrong: list[str] = field(default_factory=list)
    """The first disagreements in words."""
    wrongs: int = 0
    stories: dict[int, str] = field(default_factory=dict)
    """The attempts of calls whose clients saw a failure, in words; the first few of them."""

    def enter(
        self, number: int, outcome: str, attempts: list[dict[str, Any]], *, begun: bool
    ) -> None:
        """Count a row; `begun` says that content had reached the client before it failed."""
        self.rows += 1
        failed = [each["error"] for each in attempts if each["error"]]
        self.attempts.update(failed)
        before = len(failed) if outcome == "finished" else len(failed) - 1
        self.hidden += (outcome == "finished" or begun) and before > 0
        if outcome != "finished" and not begun and len(self.stories) < STORIES:
            self.stories[number] = ", ".join(
                f"{each['deployment']} {each['error']} ({each['duration_s']:.2f} s)"
                for each in attempts
            )

    def disagree(self, words: str) -> None:
        """Note a disagreement."""
        self.wrongs += 1
        if len(self.wrong) < LISTED:
            self.wrong.append(words)


def audit(store: Path, request_ids: Sequence[str], providers: Sequence[Provider]) -> Books:
    """Read all rows and compare: calls of clients by their tags, requests of providers by number.

    `request_ids` are those that the clients were told, in the order of the calls' numbers.
    """
    books = Books()
    rows_of_call = bytearray(len(request_ids))
    asked: dict[str, Counter[int]] = {provider.name: Counter() for provider in providers}
    with closing(sqlite3.connect(store)) as connection:
        query = "SELECT request_id, tags, outcome, first_content_s, attempts FROM usage"
        for request_id, tags, outcome, first_content_s, said in connection.execute(query):
            number = int(json.loads(tags)[0])
            rows_of_call[number] += 1
            if request_ids[number] != request_id:
                books.disagree(f"call {number}: row {request_id}, client {request_ids[number]}")
            attempts = json.loads(said)
            for attempt in attempts:
                asked[attempt["deployment"]][number] += 1
            books.enter(number, outcome, attempts, begun=first_content_s is not None)
    for number, rows in enumerate(rows_of_call):
        if rows != 1:
            books.disagree(f"call {number}: {rows} rows")
    _compare(books, asked, providers)
    return books


def _compare(
    books: Books, asked: Mapping[str, Counter[int]], providers: Sequence[Provider]
) -> None:
    """Note the requests of providers that no attempt tells of.

    An attempt is one request, but for a connection that was kept and dies before one byte of the
    answer: then it is sent once more.
    """
    for provider in providers:
        again = 0
        for number, times in provider.seen.items():
            attempts = asked[provider.name][number]
            again += max(0, times - attempts)
            if attempts == 0:
                books.disagree(f"{provider.name} saw call {number}, and no attempt says so")
        if again > provider.did[Mode.RESET]:
            books.disagree(f"{provider.name} saw {again} requests more than attempts")
