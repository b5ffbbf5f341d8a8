"""docs/logging.md names every field, every pattern, and shows lines as they are written."""

import json
import re
from pathlib import Path
from typing import Any

from llmproxy.infra.telemetry.access_line import AccessLine, JsonLines
from llmproxy.infra.telemetry.content.files import ContentFiles
from llmproxy.infra.telemetry.content.log import ContentLog
from llmproxy.infra.telemetry.content.own_patterns import read_patterns
from llmproxy.infra.telemetry.content.patterns import BUILT_IN
from llmproxy.infra.telemetry.content.redaction import Redaction
from tests.unit.infra.telemetry.content.test_content_log import Recorded
from tests.unit.infra.telemetry.visits import CALLER, Visit, call, closed

PAGE = (Path(__file__).parents[4] / "docs/logging.md").read_text("utf-8")
EXAMPLES = [json.loads(text) for text in re.findall(r"^```json\n(.+)\n```$", PAGE, re.MULTILINE)]
NAME = re.compile(r"`(\w+)`")


def column(below: str) -> list[str]:
    """The names in the first column of the first table below these words."""
    table = PAGE.partition(below)[2].partition("|---|")[2].partition("\n\n")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ")]
    return [name for row in rows for name in NAME.findall(row.split("|")[1])]


def test_every_field_is_there() -> None:
    """In the order of a line, and no other."""
    assert column("## Lines for machines") == list(AccessLine.__struct_fields__)


def test_every_pattern_is_there() -> None:
    """Those that can be chosen, and the two that always apply."""
    assert column("### Redaction") == ["key", *BUILT_IN, "binary"]


def test_the_access_line_is_one() -> None:
    """The gateway writes it like this."""
    made = call(closed(stream=True), "alias")
    made.stream = True
    visit = Visit(
        call=made,
        caller=CALLER,
        headers={b"x-request-id": b"of-the-client"},
        head=b"x-llmproxy-upstream-request-id: req_theirs",
    )
    written = JsonLines({"azure-1": "AzureOpenAI"}.get).line(visit, 0.8124, 0.0)
    assert without_time(json.loads(written)) == without_time(EXAMPLES[0])


def test_the_line_of_contents_is_one(tmp_path: Path) -> None:
    """The same of contents."""
    said = "I am a@b.example, CPF 529.982.247-25"
    asked = {"model": "mini", "messages": [{"role": "user", "content": said}], "stream": True}
    events = [
        b"data: %b\n\n" % json.dumps({"choices": [{"delta": {"content": text}}]}).encode()
        for text in ("Hello, a@b", ".example")
    ]
    size = sum(map(len, events))
    visit = Recorded(
        call=call(closed()),
        asked=json.dumps(asked).encode(),
        answered=events,
        answered_bytes=size,
        head=b"content-type: text/event-stream",
    )
    files = ContentFiles(tmp_path, keep_days=7, max_total_bytes=1024)
    log = ContentLog(files, Redaction(list(BUILT_IN.values())), max_bytes=65_536)
    log.start()
    log.write(visit)
    log.close()
    [path] = tmp_path.iterdir()
    expected = EXAMPLES[1] | {"answer_bytes": size}
    assert without_time(json.loads(path.read_bytes())) == without_time(expected)


def test_the_expressions_can_be_used(tmp_path: Path) -> None:
    """As they stand."""
    [text] = re.findall(r"^```text\n(# policy.+?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    (tmp_path / "own").write_text(text)
    [pattern] = read_patterns(tmp_path / "own")
    assert Redaction([], [pattern]).text("POL-123456") == "[policy]"


def without_time(line: dict[str, Any]) -> dict[str, Any]:
    """A line, but for when it was written."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    return {name: value for name, value in line.items() if name != "timestamp"}
