"""Contents are written nowhere unless a setting says so; then redacted, and of whom it says."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.admin.administrator import Administrator
from tests.api.asking import within
from tests.api.logs.stage import PATIENCE_S, Line, Stage, staged
from tests.api.secrets.planted import files

WORDS = "zebra-quartz-lantern"
PLANTED = f"{WORDS} write to joao.silva@example.com, CPF 529.982.247-25, card 4111 1111 1111 1111"
REDACTED = f"{WORDS} write to [email], CPF [cpf], card [credit_card]"
SECRET = "sk-simulator"
PICTURE = f"data:image/png;base64,{'iVBORw0KGgo' * 100}"


def kept(stage: Stage, count: int) -> list[Line]:
    """The lines of the log of contents, once there are so many."""
    folder = Path(stage.gateway.environment["LLMPROXY_DATA_DIR"]) / "content"

    def lines() -> list[bytes]:
        return b"".join(path.read_bytes() for path in sorted(folder.glob("*"))).splitlines()

    assert within(PATIENCE_S, lambda: len(lines()) >= count), f"{len(lines())} lines"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} <= {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    return [json.loads(line) for line in lines()]


def converse(stage: Stage, key: str) -> list[str]:
    """Ask the same plainly, as a stream, with a picture, and in vain; the ids of the requests."""
    image = [
        {"type": "text", "text": PLANTED},
        {"type": "image_url", "image_url": {"url": PICTURE}},
    ]
    said = json.dumps({"error": {"message": f"Incorrect key {SECRET}, {PLANTED}", "code": "no"}})
    answers = [
        stage.chat(key, "mini", text=PLANTED),
        stage.chat(key, "mini", text=PLANTED, stream=True),
        stage.chat(key, "mini", messages=[{"role": "user", "content": image}]),
    ]
    assert [answer.status for answer in answers] == [200, 200, 200]
    stage.upstream.fail_next("status", status=400, body=said)
    answers.append(stage.chat(key, "mini", text=PLANTED))
    assert answers[-1].status == 400
    return [answer.headers["x-request-id"] for answer in answers]


@pytest.fixture(scope="module", name="logging_stage")
def _logging_stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    settings = {"CONTENT_LOG": "on", "CONTENT_LOG_PROJECTS": "alpha", "LOG_FORMAT": "json"}
    with staged(tmp_path_factory.mktemp("contents"), **settings) as stage:
        yield stage


def test_contents_are_kept_redacted(logging_stage: Stage) -> None:
    """What was asked and answered, of one project, without secrets and personal data."""
    stage = logging_stage
    converse(stage, stage.keys["beta"])
    ids = converse(stage, stage.keys["alpha"])
    lines = kept(stage, 4)

    assert [line["request_id"] for line in lines] == ids
    assert {line["project"] for line in lines} == {"alpha"}
    assert [line["status"] for line in lines] == [200, 200, 200, 400]
    assert [line["outcome"] for line in lines] == ["finished"] * 3 + ["refused"]
    plain, streamed, picture, failed = lines
    assert plain["request"]["messages"][0]["content"] == REDACTED
    assert plain["answer"]["object"] == "chat.completion"
    answer = plain["answer"]["choices"][0]["message"]["content"]
    assert REDACTED in answer, "the simulator repeats what it was asked"
    [(name, text)] = streamed["answer"]["texts"].items()
    assert (name, text) == ("0 content", answer)
    assert picture["request"]["messages"][0]["content"][1] == {
        "type": "image_url",
        "image_url": {"url": "[image/png, 825 bytes]"},
    }
    assert failed["answer"]["error"]["message"] == f"Incorrect key *****, {REDACTED}"
    assert plain["redacted"]["email"] == 2


def test_sound_is_told_by_its_size(logging_stage: Stage) -> None:
    """What is heard and what is read aloud; the texts around it are kept."""
    stage = logging_stage
    before = len(kept(stage, 0))
    with stage.client("alpha") as client:
        client.audio.transcriptions.create(
            model="hearer", file=("a.wav", b"RIFF" + b"\0" * 996), prompt=PLANTED
        )
        spoken = client.audio.speech.create(model="speaker", voice="alloy", input=PLANTED).read()
    heard, read = kept(stage, before + 2)[before:]
    assert heard["files"] == {"file": 1000}
    assert heard["request"]["prompt"] == REDACTED
    assert "text" in heard["answer"]
    assert read["request"]["input"] == REDACTED
    assert read["answer"] == f"[{len(spoken)} bytes]"


def test_what_a_page_of_another_origin_asks(tmp_path: Path) -> None:
    """Pages are let in where contents are logged, and what they ask is logged like anything."""
    page = "https://app.example.com"
    with staged(tmp_path, CONTENT_LOG="on", CORS_ALLOW_ORIGINS=page) as stage:
        answer = stage.chat(stage.keys["alpha"], "mini", text=PLANTED, headers={"origin": page})
        [line] = kept(stage, 1)
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, page)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["request"]["messages"][0]["content"] == REDACTED


def test_nothing_that_was_taken_out_is_anywhere(logging_stage: Stage) -> None:
    """Neither in the files nor in what the server wrote; the words around it are in the files."""
    stage = logging_stage
    converse(stage, stage.keys["alpha"])
    kept(stage, 4)
    folder = Path(stage.gateway.environment["LLMPROXY_DATA_DIR"])
    written = [*files(folder / "content"), ("the log", stage.gateway.log_path.read_bytes())]
    for place, content in written:
        for each in ("joao.silva", "529.982", "4111 1111", SECRET, "iVBORw0KGgo"):
            assert each.encode() not in content, f"{each} in {place}"
    assert any(WORDS.encode() in content for _, content in written)
    assert WORDS not in stage.gateway.log


def test_the_start_says_so(logging_stage: Stage) -> None:
    """And where, and for how long; figures tell how much."""
    [said] = [line for line in logging_stage.lines() if line["logger"] == "llmproxy.content"]
    folder = Path(logging_stage.gateway.environment["LLMPROXY_DATA_DIR"]) / "content"
    assert said["level"] == "WARNING"
    for words in (str(folder), "CONTENT_LOG=on", "of alpha", "kept for 7 days"):
        assert words in said["message"]
    metrics = Administrator(logging_stage.gateway).ask("GET", "/metrics").body.decode()
    assert "\nllmproxy_content_log_lines_dropped_total{" in metrics


def test_off_means_nowhere(tmp_path: Path) -> None:
    """By default no word of a conversation is in a file, a log or a metric."""
    with staged(tmp_path, LOG_LEVEL="debug", LOG_FORMAT="json") as stage:
        converse(stage, stage.keys["alpha"])
        stage.lines()
        metrics = Administrator(stage.gateway).ask("GET", "/metrics").body
        folder = Path(stage.gateway.environment["LLMPROXY_DATA_DIR"])
        written: list[tuple[str, Any]] = [*files(folder), ("metrics", metrics)]
    written += [*files(folder), ("the log", stage.gateway.log_path.read_bytes())]
    assert len(written) > 4
    for place, content in written:
        assert WORDS.encode() not in content, f"contents in {place}"
    assert not (folder / "content").exists()
