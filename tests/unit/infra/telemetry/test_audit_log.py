"""The audit on disk: a line per change, private, rotated, and never in the way of a change."""

import json
import logging
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from llmproxy.application.interfaces.audit import Actor, Change
from llmproxy.infra.telemetry.audit_log import FILE, FILES, AuditLog
from tests.fakes.clock import FakeClock

CHANGE = Change(Actor("key:key_1"), "model.patched", "m", {"name": "a"}, {"name": "b\n"})
LINE = {
    "at": 1_800_000_000.0,
    "actor": "key:key_1",
    "what": "model.patched",
    "subject": "m",
    "before": {"name": "a"},
    "after": {"name": "b\n"},
}


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_change_is_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """In the file and in the log; nobody else may read the file."""
    caplog.set_level(logging.INFO, "llmproxy.audit")
    folder = tmp_path / "data" / "audit"
    log = AuditLog(folder, FakeClock())
    log.record(CHANGE)
    log.record(CHANGE._replace(before=None))
    path = folder / FILE
    assert _lines(path) == [LINE, LINE | {"before": None}]
    assert path.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert [json.loads(record.message) for record in caplog.records] == _lines(path)


def test_full_files_are_moved_aside(tmp_path: Path) -> None:
    """So many are kept, the newest ones, and no line is cut."""
    log = AuditLog(tmp_path, FakeClock(), file_bytes=400)
    for number in range(60):
        log.record(CHANGE._replace(subject=f"m{number}"))
    names = {path.name for path in tmp_path.glob(f"{FILE}*")}
    assert names == {FILE, *(f"{FILE}.{number}" for number in range(1, FILES))}
    newest_first = [FILE, *(f"{FILE}.{number}" for number in range(1, FILES))]
    found = [line["subject"] for name in reversed(newest_first) for line in _lines(tmp_path / name)]
    assert found == [f"m{number}" for number in range(60 - len(found), 60)]
    assert all(path.stat().st_size <= 400 for path in tmp_path.glob(f"{FILE}*"))


def test_several_writers_share_a_folder(tmp_path: Path) -> None:
    """No line is lost or mixed with another while files are moved aside."""
    logs = [AuditLog(tmp_path, FakeClock(), file_bytes=20_000) for _ in range(4)]

    def write(number: int) -> None:
        for line in range(100):
            logs[number].record(CHANGE._replace(subject=f"{number}-{line}"))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    found = [line["subject"] for path in tmp_path.glob(f"{FILE}*") for line in _lines(path)]
    assert len(found) == len(set(found)) == 400


def test_a_disk_that_takes_nothing_does_not_undo_a_change(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says so, loudly, and has the line."""
    caplog.set_level(logging.INFO, "llmproxy.audit")
    (tmp_path / "audit").write_text("a file where the folder should be")
    AuditLog(tmp_path / "audit", FakeClock()).record(CHANGE)
    levels = [record.levelname for record in caplog.records]
    assert levels == ["INFO", "ERROR"]
    assert "model.patched" in caplog.records[0].message


def test_half_a_line_is_taken_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When the disk is full in the middle of one: the next line must not stand behind it."""
    log = AuditLog(tmp_path, FakeClock())
    log.record(CHANGE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (tmp_path / FILE).stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        log.record(CHANGE._replace(subject="lost"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    log.record(CHANGE._replace(subject="next"))
    assert [line["subject"] for line in _lines(tmp_path / FILE)] == ["m", "next"]
    assert "could not be recorded" in caplog.text
