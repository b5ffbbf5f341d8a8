"""The log of contents: written by a thread, bounded in memory and on disk, deleted in time."""

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from llmproxy.domain.caller import Caller
from llmproxy.domain.operation import Endpoint
from llmproxy.infra.telemetry.content.files import DAY_S, FILE_BYTES, LOOK_EVERY_S, ContentFiles
from llmproxy.infra.telemetry.content.log import MAX_WAITING_BYTES, ContentLog
from llmproxy.infra.telemetry.content.patterns import BUILT_IN
from llmproxy.infra.telemetry.content.redaction import Redaction
from tests.unit.infra.telemetry.visits import CALLER, REQUEST_ID, Visit, call, closed

NOW = 1_795_683_897.25


@dataclass
class Recorded(Visit):
    """A visit that kept its contents."""

    caller: Caller | None = CALLER
    asked: bytes = b'{"model":"mini","input":"I am a@b.example\\u2028"}'
    answered: list[bytes] = field(default_factory=lambda: [b'{"output":"4111 1111 1111 1111"}'])
    answered_bytes: int = 32
    head: bytes = b"content-type: application/json"


def opened(folder: Path, **other: Any) -> ContentLog:  # noqa: ANN401
    """A log that writes there."""
    files = ContentFiles(folder, keep_days=7, max_total_bytes=1024 * 1024)
    made = ContentLog(files, Redaction(list(BUILT_IN.values())), **{"max_bytes": 1024, **other})
    made.start()
    return made


def lines(folder: Path) -> list[dict[str, Any]]:
    """All that was written, file by file."""
    written = b"".join(path.read_bytes() for path in sorted(folder.glob("*.jsonl")))
    assert all(line.isprintable() for line in written.decode().splitlines())
    return [json.loads(line) for line in written.splitlines()]


@pytest.fixture(name="folder")
def _folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "content"
    for each in (tmp_path / "content").glob("*"):
        assert stat.S_IMODE(each.stat().st_mode) == 0o600
    if (tmp_path / "content").exists():
        assert stat.S_IMODE((tmp_path / "content").stat().st_mode) == 0o700


def test_a_request(folder: Path) -> None:
    """Who asked what and what was answered, redacted."""
    log = opened(folder)
    log.write(Recorded(call=call(closed())))
    log.close()

    [line] = lines(folder)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "request_id": REQUEST_ID,
        "key_id": "key_1",
        "project": "alpha",
        "model": "mini",
        "operation": "ChatCompletion",
        "status": 200,
        "outcome": "finished",
        "request": {"model": "mini", "input": "I am [email]\u2028"},
        "answer": {"output": "[credit_card]"},
        "answer_bytes": 32,
        "redacted": {"email": 1, "credit_card": 1},
    }
    assert log.counts()["written"] == 1
    assert log.counts()["waiting_bytes"] == 0


def test_a_stream_is_joined_before_it_is_redacted(folder: Path) -> None:
    """An address that is spread over events is found, and where it was cut is told."""
    pieces = ["joao@exam", "ple.com and ", "more"]
    events = [
        b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": piece}}]}).encode()
        for piece in pieces
    ]
    size = sum(map(len, events))
    streamed = Recorded(call=call(closed()), answered=events, answered_bytes=size + 7)
    streamed.head = b"Content-Type: text/event-stream; charset=utf-8"
    log = opened(folder)
    log.write(streamed)
    log.close()

    [line] = lines(folder)
    assert line["answer"] == {
        "events": 3,
        "texts": {"0 content": "[email] and more"},
        "cut_behind_bytes": size,
    }


def test_what_is_long_is_cut_behind_its_redaction(folder: Path) -> None:
    """No half of something that would have been taken out is left."""
    text = "word " * 202 + "a@b.example " + "word " * 100
    asked = json.dumps({"input": text}).encode()
    log = opened(folder)
    log.write(Recorded(call=call(closed()), asked=asked))
    log.close()

    [line] = lines(folder)
    assert line["cut"] == ["request"]
    assert isinstance(line["request"], str)
    assert len(line["request"]) == 1024
    assert "a@b" not in line["request"]


def test_sound_is_its_size(folder: Path) -> None:
    """An answer that cannot be read is told by its bytes."""
    log = opened(folder)
    log.write(Recorded(call=call(closed()), answered=[], answered_bytes=777))
    log.write(Recorded(call=call(closed()), answered=[], answered_bytes=0))
    log.close()
    assert [line["answer"] for line in lines(folder)] == ["[777 bytes]", None]


def test_whose_contents_are_logged(folder: Path) -> None:
    """Only calls, and of the projects that are named."""
    other = Caller("key_2", "beta", None, admin=False, expires_at=None)
    log = opened(folder, projects=frozenset({"beta"}))
    log.write(Recorded(call=call(closed())))
    log.write(Recorded(call=None, caller=other))
    log.write(Recorded(call=call(closed(), caller=other), caller=other))
    log.close()
    assert [line["project"] for line in lines(folder)] == ["beta"]


def test_a_realtime_session_is_not_logged(folder: Path) -> None:
    """What is said in it does not pass here."""
    session = call(closed())
    session.endpoint = Endpoint.REALTIME
    log = opened(folder)
    log.write(Recorded(call=session, status=101))
    log.close()
    assert lines(folder) == []
    assert log.counts()["written"] == 0


def test_what_waits_is_bounded(folder: Path) -> None:
    """What does not fit is dropped and counted; nobody waits."""
    files = ContentFiles(folder, keep_days=7, max_total_bytes=1024 * 1024)
    log = ContentLog(files, Redaction([]), max_bytes=1024)
    large = Recorded(call=call(), answered=[b" " * (MAX_WAITING_BYTES // 2)])
    for _ in range(3):
        log.write(large)
    assert log.counts()["dropped"] == 2
    assert log.counts()["waiting_bytes"] <= MAX_WAITING_BYTES
    log.start()
    log.close()
    log.write(large)
    assert log.counts()["dropped"] == 3


def test_a_disk_that_fails(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What cannot be written is counted, said once, and the next one is tried."""
    folder.write_text("a file in the folder's place")
    folder.chmod(0o700)
    log = opened(folder)
    for _ in range(2):
        log.write(Recorded(call=call()))
    until = time.monotonic() + 10
    while log.counts()["lost"] < 2 and time.monotonic() < until:
        time.sleep(0.01)
    folder.unlink()
    log.write(Recorded(call=call()))
    log.close()
    assert (log.counts()["lost"], log.counts()["written"]) == (2, 1)
    said = [each.message for each in caplog.records]
    assert len([each for each in said if each.startswith("contents cannot be written")]) == 1


def test_files_are_rotated(folder: Path) -> None:
    """By day and by size."""
    files = ContentFiles(folder, keep_days=7, max_total_bytes=1024 * 1024)
    files.append(b"1\n", NOW)
    files.append(b"2\n", NOW + 1)
    files.append(b"3\n", NOW + DAY_S)
    files.append(b"4" * FILE_BYTES, NOW + DAY_S)
    files.append(b"5\n", NOW + DAY_S)
    files.close()
    names = sorted(path.name for path in folder.iterdir())
    process = os.getpid()
    assert names == [
        f"content-2026-11-26-{process}-1.jsonl",
        f"content-2026-11-27-{process}-2.jsonl",
        f"content-2026-11-27-{process}-3.jsonl",
        f"content-2026-11-27-{process}-4.jsonl",
    ]


def test_files_are_deleted_in_time(folder: Path) -> None:
    """What is too old, also the file that is written to; what belongs to others stays."""
    files = ContentFiles(folder, keep_days=7, max_total_bytes=1024 * 1024)
    files.append(b"mine\n", NOW)
    old, new, foreign = (folder / name for name in ("content-a.jsonl", "content-b.jsonl", "c.txt"))
    for path in (old, new, foreign):
        path.write_bytes(b"x")
        path.chmod(0o600)
    now = time.time()
    os.utime(old, (now - 8 * DAY_S, now - 8 * DAY_S))
    os.utime(foreign, (0, 0))
    assert files.tidy(now) == 1
    assert files.tidy(now + 8 * DAY_S) == 2
    assert [path.name for path in folder.iterdir()] == ["c.txt"]
    files.append(b"again\n", NOW)
    files.close()
    assert len(list(folder.iterdir())) == 2


def test_processes_of_one_number_share_no_file(folder: Path) -> None:
    """Two containers have one folder, and each its process 1; so has one that was begun anew."""
    one, two = (ContentFiles(folder, keep_days=7, max_total_bytes=1024) for _ in range(2))
    one.append(b"1\n", NOW)
    two.append(b"2\n", NOW)
    one.append(b"1 again\n", NOW)
    one.close()
    anew = ContentFiles(folder, keep_days=7, max_total_bytes=1024)
    anew.append(b"3\n", NOW)
    anew.close()
    two.close()
    written = [path.read_bytes() for path in sorted(folder.iterdir())]
    assert written == [b"1\n1 again\n", b"2\n", b"3\n"]


def test_a_file_that_another_writes_to_stays(folder: Path) -> None:
    """Else its lines would go where nobody finds them; it is deleted once nobody has it open."""
    files, other = (ContentFiles(folder, keep_days=7, max_total_bytes=3) for _ in range(2))
    other.append(b"other\n", NOW)
    [path] = folder.iterdir()
    now = time.time()
    os.utime(path, (now - 8 * DAY_S, now - 8 * DAY_S))
    assert files.tidy(now) == 0
    other.append(b"more\n", NOW)
    assert path.read_bytes() == b"other\nmore\n"
    other.close()
    assert files.tidy(now + LOOK_EVERY_S) == 1
    assert list(folder.iterdir()) == []


def test_a_name_that_is_just_being_deleted_is_not_used(folder: Path) -> None:
    """Whoever deletes a file has it locked meanwhile."""
    folder.mkdir(mode=0o700)
    files = ContentFiles(folder, keep_days=7, max_total_bytes=1024)
    taken = folder / f"content-2026-11-26-{os.getpid()}-1.jsonl"
    file = os.open(taken, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)
    files.append(b"1\n", NOW)
    os.close(file)
    files.close()
    assert sorted(path.name.rpartition("-")[2] for path in folder.iterdir()) == [
        "1.jsonl",
        "2.jsonl",
    ]


def test_all_files_together_are_bounded(folder: Path) -> None:
    """The oldest go first; nothing is looked at more often than every ten minutes."""
    files = ContentFiles(folder, keep_days=0, max_total_bytes=250)
    folder.mkdir(mode=0o700)
    for number in range(4):
        path = folder / f"content-{number}.jsonl"
        path.write_bytes(b"x" * 100)
        path.chmod(0o600)
        os.utime(path, (NOW + number, NOW + number))
    assert files.tidy(NOW + 400 * DAY_S) == 2
    assert files.tidy(NOW + 400 * DAY_S + 1) == 0
    assert sorted(path.name for path in folder.iterdir()) == ["content-2.jsonl", "content-3.jsonl"]


def test_the_folder_is_tried(tmp_path: Path) -> None:
    """One that cannot be written to is an error at the start."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"Not a directory|File exists"):
        ContentFiles(tmp_path / "file", keep_days=1, max_total_bytes=1).try_folder()
    ContentFiles(tmp_path / "new", keep_days=1, max_total_bytes=1).try_folder()
    assert list((tmp_path / "new").iterdir()) == []
