"""The answers that docs/usage.md shows have the fields of the schemas."""

import json
import re
from pathlib import Path

from pydantic import BaseModel

from llmproxy.infra.schemas.usage import OwnUsage, UsageAttempt, UsageCall, UsageReport, UsageSum

PAGE = (Path(__file__).parents[4] / "docs/usage.md").read_text("utf-8")
REPORT, OWN = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]


def test_the_answers_are_complete() -> None:
    """No field is missing or too much."""
    for example, schema in ((REPORT, UsageReport), (OWN, OwnUsage)):
        assert list(schema.model_validate(example).model_dump()) == list(example)
    assert list(REPORT["data"][0]) == ["project", "model", *UsageSum.model_fields]
    assert list(REPORT["totals"][0]) == list(UsageSum.model_fields)


def test_the_fields_of_a_call_are_named() -> None:
    """All of them."""
    said = PAGE.partition("**A single call**")[2].partition("\n\n")[0]
    for schema in (UsageCall, UsageAttempt):
        assert fields(schema) <= set(re.findall(r"`(\w+)`", said))


def fields(schema: type[BaseModel]) -> set[str]:
    """The fields of a schema, `object` aside."""
    return set(schema.model_fields) - {"object"}
