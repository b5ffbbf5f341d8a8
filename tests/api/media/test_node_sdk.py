"""Speech, transcriptions and edits through the gateway, as openai-node sees them."""

import base64
from pathlib import Path

from tests.api.media.conftest import Stage
from tests.api.node import needs_node, run_node
from tests.simulators.operations.speech import audio
from tests.simulators.operations.transcriptions import transcript

SOUND = b"ID3" + bytes(range(256)) * 8000


@needs_node
def test_media(stage: Stage, tmp_path: Path) -> None:
    """Files from a path, bytes and a File arrive whole; what is cut raises."""
    path = tmp_path / "sound.mp3"
    path.write_bytes(SOUND)
    stage.first.fail_next("cut_mid_stream", after_events=1, contains="cut xxx")
    got = run_node(stage.gateway, "media.mjs", str(path))

    assert got["texts"] == [transcript(SOUND)] * 3
    assert transcript(SOUND) in got["plain"]
    assert got["deltas"] == transcript(SOUND)
    assert got["last"] == "transcript.text.done"
    assert got["soundType"] == "audio/mpeg"
    assert base64.b64decode(got["sound"]) == audio("hello there", "coral", "mp3")
    assert got["images"] == 2
    assert got["cut"]["status"] == 200
    assert "complete" not in got["cut"]
    assert got["cut"]["error"]
