"""What happens between SIGTERM and the end, where nothing is lost."""

import signal
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.api.asking import ask, within
from tests.api.lifecycle.stage import (
    EARLY_S,
    arrived,
    asked,
    client_of,
    end_of,
    outcomes,
    stage,
    tag,
    tell,
)
from tests.api.raw import Wire, chat, connected, get, post

DELAY_S = 1.5
MINI = chat(model=b"mini")


def refuses(url: str) -> bool:
    """Whether nobody listens any more."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=3):
            return False
    except ConnectionRefusedError:
        return True


def closes(wire: Wire) -> float:
    """Wait for the end of a connection over which nothing comes; return when it was."""
    assert wire.rest() == b""
    return time.monotonic()


def test_serving_on_and_then_not(tmp_path: Path) -> None:
    """Not ready at once; live, and serving with `connection: close`, for the delay; then gone."""
    with stage(tmp_path, DRAIN_DELAY_S=str(DELAY_S)) as there:
        told_at = tell(there)
        assert within(0.5, lambda: ask(there.url, "/health/ready").status == 503)
        ready = ask(there.url, "/health/ready")
        assert (ready.json, ready.headers["connection"]) == ({"status": "draining"}, "close")
        assert ask(there.url, "/health/live").status == 200
        while time.monotonic() < told_at + DELAY_S - 0.7:
            with connected(there.url) as wire:
                wire.send(post(MINI))
                answer = wire.answer()
                assert (answer.status, answer.header("connection")) == (200, "close")
                assert wire.ends()
        assert within(DELAY_S + 5, lambda: refuses(there.url))
        assert time.monotonic() - told_at > DELAY_S - EARLY_S
        assert end_of(there) == 0


def test_a_stream_through_all_of_it(tmp_path: Path) -> None:
    """A stream that is longer than the delay comes to its end, and so does a late plain answer."""
    with stage(tmp_path, DRAIN_DELAY_S="0.2") as there, client_of(there) as client:
        with ThreadPoolExecutor(1) as pool:
            stream = client.chat.completions.create(
                **asked("long " + "one two three four five six seven eight nine"),
                stream=True,
                extra_headers=tag("long"),
            )
            late = pool.submit(
                client.chat.completions.create, **asked("late "), extra_headers=tag("late")
            )
            seen = [next(stream)]
            assert within(5, lambda: arrived(there, "late ") == 1)
            told_at = tell(there)
            assert within(5, lambda: refuses(there.url))
            seen += list(stream)
            assert time.monotonic() - told_at > 0.5, "the stream was to outlast the delay"
            assert late.result().choices[0].finish_reason == "stop"
        finish = [choice.finish_reason for chunk in seen for choice in chunk.choices]
        assert finish[-1] == "stop"
        assert end_of(there) == 0
        assert outcomes(there) == {"long": ("finished", None), "late": ("finished", None)}


@pytest.mark.parametrize("answered", [False, True])
def test_an_idle_connection(tmp_path: Path, answered: bool) -> None:  # noqa: FBT001
    """It stays for the delay, then ends without a word; what comes over it before is served."""
    with (
        stage(tmp_path, DRAIN_DELAY_S=str(DELAY_S)) as there,
        connected(there.url) as idle,
        connected(there.url) as used,
    ):
        for wire in (idle, used):
            if answered:
                wire.send(get())
                assert wire.answer().header("connection") is None
        time.sleep(0.2)
        told_at = tell(there)
        time.sleep(DELAY_S / 2)
        used.send(post(MINI))
        answer = used.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert used.ends()
        assert closes(idle) - told_at > DELAY_S - EARLY_S
        assert end_of(there) == 0


def test_the_connection_of_a_stream_that_began_before(tmp_path: Path) -> None:
    """Its answer had promised to keep it: it takes one more request, after the port is closed."""
    body = MINI.replace(b"hello there", b"long" + 20 * b" word").replace(b"}]", b'}],"stream":true')
    with stage(tmp_path, DRAIN_DELAY_S="2") as there, connected(there.url) as wire:
        wire.send(post(body))
        assert wire.head()[0] == 200
        assert wire.line().strip()
        told_at = tell(there)
        while wire.line() != b"0\r\n":
            pass
        assert wire.line() == b"\r\n"
        assert time.monotonic() - told_at > 2, "the stream was to outlast the delay"
        assert within(1, lambda: refuses(there.url))
        wire.send(post(MINI))
        answer = wire.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert wire.ends()
        assert end_of(there) == 0


def test_requests_that_had_only_begun_to_arrive(tmp_path: Path) -> None:
    """Half a head and half a body are waited for, and answered."""
    whole = post(MINI)
    with stage(tmp_path, DRAIN_DELAY_S="0.3") as there:
        with connected(there.url) as head, connected(there.url) as body:
            head.send(whole[:30])
            body.send(whole[:-5])
            time.sleep(0.2)
            tell(there)
            assert within(5, lambda: refuses(there.url))
            time.sleep(0.5)
            for wire, rest in ((head, whole[30:]), (body, whole[-5:])):
                wire.send(rest)
                answer = wire.answer()
                assert (answer.status, answer.header("connection")) == (200, "close")
        assert end_of(there) == 0


def test_pipelined_requests(tmp_path: Path) -> None:
    """All that were sent are answered; the last answer says that it is the last."""
    with stage(tmp_path, DRAIN_DELAY_S="1") as there, connected(there.url) as wire:
        tell(there)
        assert within(1, lambda: ask(there.url, "/health/ready").status == 503)
        wire.send(post(MINI) * 3)
        answers = [wire.answer() for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert [answer.header("connection") for answer in answers] == [None, None, "close"]
        assert wire.ends()
        assert end_of(there) == 0


def test_many_at_once(tmp_path: Path) -> None:
    """Fifty calls at a provider that takes its time: each has its answer and its row."""
    with stage(tmp_path, DRAIN_DELAY_S="0.2") as there, client_of(there) as client:
        with ThreadPoolExecutor(50) as pool:
            calls = [
                pool.submit(
                    client.chat.completions.create,
                    **asked(f"late {number}"),
                    extra_headers=tag(str(number)),
                )
                for number in range(50)
            ]
            assert within(10, lambda: arrived(there, "late ") == 50)
            tell(there)
            assert {call.result().choices[0].finish_reason for call in calls} == {"stop"}
        assert end_of(there) == 0
        assert set(outcomes(there).values()) == {("finished", None)}
        assert len(outcomes(there)) == 50


def test_no_connection_is_reset_while_the_port_closes(tmp_path: Path) -> None:
    """Whoever could still connect is served, however often that is tried in the last moment."""
    with stage(tmp_path, DRAIN_DELAY_S="0.5") as there:
        over = threading.Event()
        broken: list[str] = []
        served: list[int] = []

        def knock() -> None:
            host, _, port = there.url.removeprefix("http://").rpartition(":")
            while not over.is_set():
                try:
                    line = socket.create_connection((host, int(port)), timeout=3)
                except ConnectionRefusedError:
                    return
                with line:
                    try:
                        line.sendall(get(b"/health/live", b"connection: close"))
                        served.append(int(line.makefile("rb").readline().split()[1]))
                    except (OSError, IndexError) as error:
                        broken.append(repr(error))

        threads = [threading.Thread(target=knock) for _ in range(16)]
        for thread in threads:
            thread.start()
        time.sleep(0.3)
        tell(there)
        for thread in threads:
            thread.join(10)
        over.set()
        assert broken == []
        assert set(served) == {200}
        assert end_of(there) == 0


def test_ctrl_c_is_quick(tmp_path: Path) -> None:
    """SIGINT has no delay: idle connections are closed at once, what is under way is served."""
    with stage(tmp_path, DRAIN_DELAY_S="30") as there, connected(there.url) as idle:
        idle.send(get())
        idle.answer()
        with ThreadPoolExecutor(1) as pool:
            late = pool.submit(httpx.post, f"{there.url}/v1/chat/completions", json=asked("late "))
            assert within(5, lambda: arrived(there, "late ") == 1)
            told_at = tell(there, signal.SIGINT)
            assert closes(idle) - told_at < 5
            assert late.result().status_code == 200
        assert end_of(there) == 0
        assert time.monotonic() - told_at < 15
