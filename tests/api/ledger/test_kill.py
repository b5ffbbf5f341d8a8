"""`kill -9` under load, again and again: every call is in the ledger, exactly once."""

import asyncio
import json
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.api.ledger.world import World, load, world

ROUNDS = 10


@pytest.mark.parametrize("seed", range(5))
def test_every_call_is_in_exactly_one_row(tmp_path: Path, seed: int) -> None:
    """Ten kills at random moments, some of them while the dead one's calls are adopted.

    Every other time the journal's files are of 64 KiB, so that many calls are open over two.
    """
    draw = random.Random(seed)  # noqa: S311 - repeatable
    settings = {"JOURNAL_MAX_BYTES": str(1024 * 1024)} if seed % 2 else {}
    with world(tmp_path, settings) as there:
        for _ in range(ROUNDS):
            if draw.random() < 0.2:
                there.begin()
                time.sleep(draw.uniform(0.2, 0.8))
                there.kill()
            there.start()
            asyncio.run(load(there, draw.uniform(0.05, 0.4), draw))
        there.start()
        figures = there.figures()
        there.stop()

        assert figures["closed"] == figures["carried"] == figures["waiting_lines"] == 0
        assert figures["damaged"] == figures["lost"] == figures["unjournalled"] == 0
        _check_rows(there)
        _check_sums(there)
        assert len(there.journals()) == 1, "those of the dead are carried and gone"
        assert "Traceback" not in there.log


def _check_rows(there: World) -> None:
    rows = there.rows()
    by_tag = Counter(tag for row in rows for tag in json.loads(row["tags"]))
    by_id = {row["request_id"]: row for row in rows}
    assert set(by_tag.values()) == {1}, "two rows for one call"
    assert len(by_id) == len(rows) == sum(by_tag.values())
    assert there.seen() <= set(by_tag), "a provider saw calls that no row tells of"
    assert len(there.seen()) > 100
    for asked in there.asked:
        if asked.request_id is None:
            continue
        row = by_id[asked.request_id]
        assert json.loads(row["tags"]) == [asked.tag]
        if asked.whole and asked.status == 200 and not asked.tag.startswith("cut"):
            assert row["outcome"] == "finished"
    outcomes = Counter(row["outcome"] for row in rows)
    assert outcomes["finished"] > 50
    assert outcomes["failed"] > 5
    assert outcomes["interrupted"] > ROUNDS
    for row in rows:
        if row["outcome"] == "interrupted":
            assert row["cost_nano"] > 0
            assert (row["estimated"], row["counted"]) == (1, 1)
            assert row["deployment"] in {"mini-0", "mini-1"}


def _check_sums(there: World) -> None:
    """Steps and months say what the rows add up to."""
    rows = there.query(
        "SELECT outcome, deployment, count(*), sum(counted), sum(cost_nano), "
        "sum(input_tokens + cache_read_tokens), sum(output_tokens + reasoning_tokens) "
        "FROM usage GROUP BY 1, 2 ORDER BY 1, 2"
    )
    steps = there.query(
        "SELECT outcome, nullif(deployment, ''), sum(requests), sum(counted), "
        "sum(cost_whole) * 1000000000 + sum(cost_nano), sum(input_tokens), sum(output_tokens) "
        "FROM usage_steps GROUP BY 1, 2 ORDER BY 1, 2"
    )
    assert steps == rows
    cost, counted = there.query("SELECT sum(cost_nano), sum(counted) FROM usage")[0]
    months = there.query(
        "SELECT sum(cost_whole) * 1000000000 + sum(cost_nano), sum(counted) "
        "FROM usage_months WHERE kind = 'model'"
    )
    assert months == [(cost, counted)]
