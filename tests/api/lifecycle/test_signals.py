"""Signals at bad moments."""

import base64
import random
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.api.asking import within
from tests.api.ledger.world import world
from tests.api.lifecycle.stage import (
    arrived,
    asked,
    client_of,
    end_of,
    outcomes,
    stage,
    tag,
    tell,
)

AT_ONCE_S = 2.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal(tmp_path: Path, number: signal.Signals) -> None:
    """The process ends at once; after the next start each call is in the ledger, exactly once."""
    with stage(tmp_path, DRAIN_DELAY_S="20") as there, client_of(there) as client:
        client.chat.completions.create(**asked("plain "), extra_headers=tag("before"))
        stream = client.chat.completions.create(
            **asked("long " + "word " * 100), stream=True, extra_headers=tag("cut")
        )
        next(stream)
        tell(there)
        time.sleep(0.5)
        client.chat.completions.create(**asked("plain "), extra_headers=tag("meanwhile"))
        told_at = tell(there, number)
        assert end_of(there, AT_ONCE_S) == 128 + number
        assert time.monotonic() - told_at < AT_ONCE_S
        assert "a second signal" in there.log

        there.start()
        tell(there, signal.SIGINT)
        assert end_of(there) == 0
        assert outcomes(there) == {
            "before": ("finished", None),
            "meanwhile": ("finished", None),
            "cut": ("interrupted", None),
        }


def test_a_second_signal_while_it_waits(tmp_path: Path) -> None:
    """Also behind the delay, when the port is closed."""
    with stage(tmp_path, DRAIN_DELAY_S="0") as there, client_of(there) as client:
        stream = client.chat.completions.create(
            **asked("stuck with more"), stream=True, extra_headers=tag("cut")
        )
        next(stream)
        tell(there)
        assert within(5, lambda: "the port is closed" in there.log)
        tell(there)
        assert end_of(there, AT_ONCE_S) == 128 + signal.SIGTERM
        assert arrived(there, "stuck ") == 1


@pytest.mark.parametrize("seed", range(3))
def test_while_it_starts(tmp_path: Path, seed: int) -> None:
    """It ends soon, without a word of a crash, and the data are as good as before."""
    draw = random.Random(seed)  # noqa: S311 - repeatable
    with world(tmp_path, {"DRAIN_DELAY_S": "0"}) as there:
        for _ in range(3):
            there.begin()
            time.sleep(draw.uniform(0.1, 1.2))
            tell(there)
            # Before the interpreter has read our first line, a signal is the kernel's business.
            assert end_of(there, 10) in {0, -signal.SIGTERM}
        there.start()
        assert there.ask("plain").status == 200
        tell(there)
        assert end_of(there) == 0
        assert [row["outcome"] for row in there.rows()] == ["finished"]


def test_while_it_waits_for_its_store(tmp_path: Path) -> None:
    """A store that accepts and never answers holds up a start, not an end."""
    with world(tmp_path) as there, socket.create_server(("127.0.0.1", 0)) as mute:
        there.environment["COSMOS_URL"] = f"https://127.0.0.1:{mute.getsockname()[1]}/"
        there.environment["COSMOS_KEY"] = base64.b64encode(b"key").decode()
        there.begin()
        mute.settimeout(20)
        connection, _ = mute.accept()
        with connection:
            time.sleep(0.3)
            tell(there)
            assert end_of(there, 10) == 0
        assert "told to end while starting" in there.log
