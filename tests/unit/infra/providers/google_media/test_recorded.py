"""The golden pairs of `tests/recorded/google_media/`: what becomes what."""

import json
from pathlib import Path

import pytest

from llmproxy.domain.operation import Endpoint
from tests.unit.infra.providers.google_media.asking import (
    FakeUpload,
    Json,
    answered,
    call,
    path_of,
    sent,
    translation,
)

RECORDED = Path(__file__).parents[4] / "recorded" / "google_media"
SOUND = b"ID3\x04 a sound"
PNG = b"\x89PNG\r\n\x1a\n picture"
FILES = {"SOUND": SOUND, "PNG": PNG}


def pairs(name: str) -> list[object]:
    cases: list[Json] = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8"))
    assert cases
    return [pytest.param(case, id=case["says"]) for case in cases]


def asked_of(case: Json) -> tuple[Endpoint, FakeUpload | None]:
    form = case.get("form")
    if form is None:
        return Endpoint(case["endpoint"]), None
    return Endpoint(case["endpoint"]), FakeUpload(
        (name, FILES.get(value, value)) for name, value in form
    )


@pytest.mark.parametrize("case", pairs("requests"))
def test_requests(case: Json) -> None:
    """A request becomes these bodies; what was left out or changed is named, no more."""
    endpoint, upload = asked_of(case)
    made = translation(endpoint, case["model"], **case.get("parameters", {}))
    going = sent(made, call(endpoint, case.get("request", {}), upload))
    assert path_of(going) == case["path"]
    assert [json.loads(each) for each in (going.body, *going.further)] == case["sent"]
    assert list(going.dropped) == case.get("dropped", [])
    assert list(going.changed) == case.get("changed", [])


@pytest.mark.parametrize("case", pairs("answers"))
def test_answers(case: Json) -> None:
    """Answers become this one, and this usage."""
    endpoint, upload = asked_of(case)
    made = translation(endpoint, case["model"], **case.get("parameters", {}))
    bodies = [json.dumps(each).encode() for each in case["answers"]]
    translated = answered(made, call(endpoint, case.get("request", {}), upload), bodies)
    assert translated.content_type.decode() == case.get("type", "application/json")
    if "text" in case:
        assert translated.body.decode() == case["text"]
    else:
        whole = json.loads(translated.body)
        assert whole.pop("created", 0) >= 0
        assert whole == case["answer"]
    told = None if translated.usage is None else translated.usage._asdict()
    used = None if told is None else {name: count for name, count in told.items() if count}
    assert used == case["usage"]
